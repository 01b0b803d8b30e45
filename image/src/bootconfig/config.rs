//! `config.txt`: settings for the firmware, in sections for kinds of boards.

use super::error::BootConfigError;

/// The section that holds for every board, and for what stands before the first section.
const ALL: &str = "all";

/// The file, line by line.
///
/// Two settings are one if a later one would replace the other: the same key in the same section; for
/// `dtparam` also the same parameter, and for `dtoverlay` the same overlay.
///
/// A `dtparam` behind a `dtoverlay` is a parameter of that overlay, wherever sections begin and end, so that
/// one for the board itself is never put there without an empty `dtoverlay=` before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigTxt {
    lines: Vec<String>,
    /// How lines end; Windows' editors change it.
    newline: &'static str,
}

/// A line that sets something, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Setting<'a> {
    key: &'a str,
    /// Which parameter or overlay, for keys that can be there several times.
    item: &'a str,
}

/// Where the reader is while going through the lines.
struct Place<'a> {
    section: &'a str,
    /// Whether a `dtparam` here would be an overlay's.
    in_overlay: bool,
}

impl ConfigTxt {
    /// Takes any text.
    pub fn parse(text: &str) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self {
            lines: text.lines().map(str::to_owned).collect(),
            newline,
        }
    }

    /// The value of `key` in `section`, the last one if there are several: `audio=on` for `dtparam`.
    pub fn value(&self, section: &str, key: &str) -> Option<&str> {
        let mut values = self.places().filter_map(|(place, line)| {
            let (known, value) = line.split_once('=')?;
            (place.section == section && known.trim() == key).then(|| value.trim())
        });
        values.next_back()
    }

    /// Sets `key=value` for the boards of `section` (`all`, `pi4`, `none`, …).
    ///
    /// What sets the same is replaced where it is; else the line comes behind one that sets it as a comment,
    /// as people would write it, or to the end of the section, which is made if there is none.
    pub fn set(&mut self, section: &str, key: &str, value: &str) -> Result<(), BootConfigError> {
        check("section", section, |c| c != '[' && c != ']')?;
        check("setting", key, |c| {
            !matches!(c, '=' | '#' | '[') && !c.is_whitespace()
        })?;
        check("value", value, |_| true)?;
        let line = format!("{key}={value}");
        let wanted = Setting::of(&line).unwrap_or(Setting { key, item: "" });
        if let Some(at) = self.find(section, wanted, Comments::No) {
            self.lines[at] = line;
            return Ok(());
        }
        if let Some(at) = self.find(section, wanted, Comments::Only) {
            self.lines.insert(at + 1, line);
            return Ok(());
        }
        self.add(section, wanted, line.clone());
        Ok(())
    }

    /// Takes away what sets the same as `key=value` would, for any value; tells whether there was something.
    pub fn remove(&mut self, section: &str, key: &str, value: &str) -> bool {
        let line = format!("{key}={value}");
        let Some(wanted) = Setting::of(&line) else {
            return false;
        };
        let before = self.lines.len();
        while let Some(at) = self.find(section, wanted, Comments::No) {
            self.lines.remove(at);
        }
        self.lines.len() < before
    }

    /// The file as it is to be written.
    pub fn render(&self) -> String {
        self.lines
            .iter()
            .flat_map(|line| [line, self.newline])
            .collect()
    }

    /// Every line with the section it is in.
    fn places(&self) -> impl DoubleEndedIterator<Item = (Place<'_>, &str)> {
        let mut section = ALL;
        let mut in_overlay = false;
        let mut places = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let line = line.trim();
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                section = name;
            }
            places.push((
                Place {
                    section,
                    in_overlay,
                },
                line,
            ));
            if let Some(setting) = Setting::of(line).filter(|setting| setting.key == "dtoverlay") {
                in_overlay = !setting.item.is_empty();
            }
        }
        places.into_iter()
    }

    /// The last line that sets `wanted` in `section`: it is the one that counts.
    fn find(&self, section: &str, wanted: Setting<'_>, comments: Comments) -> Option<usize> {
        let places: Vec<_> = self.places().collect();
        places.iter().rposition(|(place, line)| {
            let line = match (comments, line.strip_prefix('#')) {
                (Comments::No, None) => line,
                (Comments::Only, Some(line)) => line.trim_start(),
                _ => return false,
            };
            let overlays = wanted.key == "dtparam" && place.in_overlay;
            place.section == section && !overlays && Setting::of(line) == Some(wanted)
        })
    }

    fn add(&mut self, section: &str, wanted: Setting<'_>, line: String) {
        let places: Vec<_> = self.places().collect();
        let fits = |place: &Place<'_>| {
            place.section == section && !(wanted.key == "dtparam" && place.in_overlay)
        };
        let last = places
            .iter()
            .rposition(|(place, line)| fits(place) && !line.is_empty());
        // A line that begins an overlay is no place to put a parameter of the board behind.
        let last = last.map(|at| match Setting::of(places[at].1) {
            Some(setting) if wanted.key == "dtparam" && setting.key == "dtoverlay" => at,
            _ => at + 1,
        });
        let in_overlay = ends_in_overlay(&places);
        drop(places);
        if let Some(at) = last {
            self.lines.insert(at, line);
            return;
        }
        if self.lines.is_empty() && section == ALL {
            self.lines.push(line);
            return;
        }
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
        self.lines.push(format!("[{section}]"));
        if wanted.key == "dtparam" && in_overlay {
            self.lines.push("dtoverlay=".to_owned());
        }
        self.lines.push(line);
        if section != ALL {
            // What others append to a file is meant for every board.
            self.lines.extend([String::new(), format!("[{ALL}]")]);
        }
    }
}

/// What the last line of a `config.txt` that begins with `beginning` goes on with: of several lines the firmware
/// takes the last. Sections are not looked at: what is asked for here (`kernel=`, `initramfs `) stands in none.
pub fn last_line<'a>(config: &'a str, beginning: &str) -> Option<&'a str> {
    let mut lines = config.lines().rev();
    lines
        .find_map(|line| line.trim().strip_prefix(beginning))
        .map(str::trim)
}

fn ends_in_overlay(places: &[(Place<'_>, &str)]) -> bool {
    places
        .last()
        .is_some_and(|(place, line)| match Setting::of(line) {
            Some(setting) if setting.key == "dtoverlay" => !setting.item.is_empty(),
            _ => place.in_overlay,
        })
}

/// Which lines are looked at.
#[derive(Clone, Copy)]
enum Comments {
    /// Those that the firmware reads.
    No,
    /// Those behind a `#`.
    Only,
}

impl<'a> Setting<'a> {
    /// Takes `key=value` apart; none for a comment, a section, or a line without `=`.
    fn of(line: &'a str) -> Option<Self> {
        if line.starts_with(['#', '[']) {
            return None;
        }
        let (key, value) = line.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || key.contains(char::is_whitespace) {
            return None;
        }
        // The names that the documentation gives up in favor of the others.
        let key = match key {
            "device_tree_param" => "dtparam",
            "device_tree_overlay" => "dtoverlay",
            key => key,
        };
        let item = match key {
            "dtparam" => value.split(['=', ',']).next().unwrap_or_default(),
            "dtoverlay" => value.split([',', ':']).next().unwrap_or_default(),
            _ => "",
        };
        Some(Self { key, item })
    }
}

fn check(
    part: &'static str,
    text: &str,
    allowed: impl Fn(char) -> bool,
) -> Result<(), BootConfigError> {
    /// Longer lines are cut off by the firmware.
    const LONGEST: usize = 98;
    let rule = if text.is_empty() && part != "value" {
        Some("it is empty")
    } else if text.chars().any(|c| c.is_control() || !c.is_ascii()) {
        Some("only visible ASCII characters and spaces are allowed")
    } else if text.trim() != text {
        Some("it begins or ends with a space")
    } else if text.len() > LONGEST {
        Some("the firmware reads 98 characters of a line")
    } else if !text.chars().all(allowed) {
        Some("it has a character with another meaning there")
    } else {
        None
    };
    match rule {
        None => Ok(()),
        Some(rule) => Err(BootConfigError::Setting {
            text: text.to_owned(),
            part,
            rule,
        }),
    }
}
