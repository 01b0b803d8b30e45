//! `config.txt`: settings for the firmware, in sections for kinds of boards.

use super::error::BootConfigError;

/// The section that holds for every board, and for what stands before the first section.
const ALL: &str = "all";

/// A parameter of the board, or of the overlay before it.
const PARAMETER: &str = "dtparam";

/// A part of the description of the board's hardware.
const OVERLAY: &str = "dtoverlay";

/// Another file to read at this place; it has no `=`.
const INCLUDE: &str = "include";

/// The file, line by line.
///
/// Two settings are one if a later one would replace the other: the same key in the same section; for
/// `dtparam` also the same parameter, alone in its line. What can be there several times (`gpio`, `dtoverlay`,
/// `include`) replaces nothing, and nor does anything replace a line that was set before.
///
/// A `dtparam` behind a `dtoverlay` is a parameter of that overlay, wherever sections begin and end, so that
/// one for the board itself is never put there without an empty `dtoverlay=` before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigTxt {
    lines: Vec<String>,
    /// Which lines were set here, one for each line.
    own: Vec<bool>,
    /// The line that the last one to be set is at, if it is an overlay or a parameter of one.
    overlay: Option<usize>,
    /// How lines end; Windows' editors change it.
    newline: &'static str,
}

/// A line that sets something, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Setting<'a> {
    key: &'a str,
    /// What it is set to, for keys that can be there several times.
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
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        Self {
            own: vec![false; lines.len()],
            lines,
            overlay: None,
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

    /// Sets `key=value` for the boards of `section` (`all`, `pi4`, `none`, …); with the key `include`, `include value`.
    ///
    /// What sets the same is replaced where it is; else the line comes behind one that sets it as a comment,
    /// as people would write it, or to the end of the section, which is made if there is none. A `dtparam` that
    /// is set right after a `dtoverlay` stays behind it, as the firmware would read the two.
    pub fn set(&mut self, section: &str, key: &str, value: &str) -> Result<(), BootConfigError> {
        check("section", section, |c| c != '[' && c != ']')?;
        check("setting", key, |c| {
            !matches!(c, '=' | '#' | '[') && !c.is_whitespace()
        })?;
        check("value", value, |_| true)?;
        let line = match key {
            INCLUDE => format!("{key} {value}"),
            key => format!("{key}={value}"),
        };
        let wanted = Setting::of(&line).unwrap_or(Setting { key, item: "" });
        let at = self.put(section, wanted, &line);
        self.own[at] = true;
        let stays = wanted.key == OVERLAY && !wanted.item.is_empty()
            || wanted.key == PARAMETER && self.overlay.is_some();
        self.overlay = stays.then_some(at);
        Ok(())
    }

    /// Sees to it that `line` is there, and says where.
    fn put(&mut self, section: &str, wanted: Setting<'_>, line: &str) -> usize {
        if wanted.key == PARAMETER
            && let Some(before) = self.overlay.filter(|at| self.section(*at) == section)
        {
            let mut next = self.lines.iter().enumerate().skip(before + 1);
            // What was there behind the overlay stays its own.
            let same = next
                .by_ref()
                .take_while(|(_, line)| {
                    Setting::of(line.trim()).is_some_and(|it| it.key == PARAMETER)
                })
                .find(|(_, known)| known.trim() == line);
            return match same {
                Some((at, _)) => at,
                None => self.insert(before + 1, line),
            };
        }
        if wanted.is_listed() {
            return match self.same(section, wanted, line) {
                Some(at) => at,
                None => self.add(section, wanted, line),
            };
        }
        match self.find(section, wanted, Comments::No) {
            Some(at) if self.own[at] && self.lines[at] != line => return self.insert(at + 1, line),
            Some(at) if wanted.replaces(self.lines[at].trim()) => {
                line.clone_into(&mut self.lines[at]);
                return at;
            }
            // Behind it, so that it counts.
            Some(_) => return self.add(section, wanted, line),
            None => {}
        }
        match self.find(section, wanted, Comments::Only) {
            Some(at) => self.insert(at + 1, line),
            None => self.add(section, wanted, line),
        }
    }

    /// Where `line` is in `section` already. An empty overlay, which ends the one before it, only counts at the end.
    fn same(&self, section: &str, wanted: Setting<'_>, line: &str) -> Option<usize> {
        let is_same = |(place, known): &(Place<'_>, &str)| {
            let counts = wanted.item.is_empty() && !known.is_empty() || *known == line;
            place.section == section && counts
        };
        let places: Vec<_> = self.places().collect();
        let at = places.iter().rposition(is_same)?;
        (places[at].1 == line).then_some(at)
    }

    fn insert(&mut self, at: usize, line: &str) -> usize {
        self.lines.insert(at, line.to_owned());
        self.own.insert(at, false);
        at
    }

    fn push(&mut self, line: &str) -> usize {
        self.insert(self.lines.len(), line)
    }

    /// The section that the line `at` is in.
    fn section(&self, at: usize) -> &str {
        self.places()
            .nth(at)
            .map_or(ALL, |(place, _)| place.section)
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
            if let Some(setting) = Setting::of(line).filter(|setting| setting.key == OVERLAY) {
                in_overlay = !setting.item.is_empty();
            }
        }
        places.into_iter()
    }

    /// The last line that sets what `wanted` sets in `section`: it is the one that counts.
    fn find(&self, section: &str, wanted: Setting<'_>, comments: Comments) -> Option<usize> {
        let places: Vec<_> = self.places().collect();
        places.iter().rposition(|(place, line)| {
            let line = match (comments, line.strip_prefix('#')) {
                (Comments::No, None) => line,
                (Comments::Only, Some(line)) => line.trim_start(),
                _ => return false,
            };
            let overlays = wanted.key == PARAMETER && place.in_overlay;
            let known = Setting::of(line);
            place.section == section && !overlays && known.is_some_and(|known| wanted.meets(known))
        })
    }

    /// Puts `line` to the end of `section`, and says where that is.
    fn add(&mut self, section: &str, wanted: Setting<'_>, line: &str) -> usize {
        let places: Vec<_> = self.places().collect();
        let fits = |place: &Place<'_>| {
            place.section == section && !(wanted.key == PARAMETER && place.in_overlay)
        };
        let last = places
            .iter()
            .rposition(|(place, line)| fits(place) && !line.is_empty());
        // A line that begins an overlay is no place to put a parameter of the board behind.
        let last = last.map(|at| match Setting::of(places[at].1) {
            Some(setting) if wanted.key == PARAMETER && setting.key == OVERLAY => at,
            _ => at + 1,
        });
        let in_overlay = ends_in_overlay(&places);
        // The board's parameters behind an overlay would be that overlay's.
        let takes = wanted.key == OVERLAY
            && last.is_some_and(|last| takes_parameters(places.get(last..).unwrap_or_default()));
        drop(places);
        if let Some(at) = last {
            if takes {
                self.insert(at, "dtoverlay=");
            }
            return self.insert(at, line);
        }
        if self.lines.is_empty() && section == ALL {
            return self.push(line);
        }
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.push("");
        }
        self.push(&format!("[{section}]"));
        if wanted.key == PARAMETER && in_overlay {
            self.push("dtoverlay=");
        }
        let at = self.push(line);
        if section != ALL {
            // What others append to a file is meant for every board.
            self.push("");
            self.push(&format!("[{ALL}]"));
        }
        at
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

/// Whether the first of these lines that has to do with overlays is a parameter of the board.
fn takes_parameters(places: &[(Place<'_>, &str)]) -> bool {
    let mut settings = places
        .iter()
        .filter_map(|(place, line)| Some((place, Setting::of(line)?)));
    settings
        .find(|(_, setting)| matches!(setting.key, OVERLAY | PARAMETER))
        .is_some_and(|(place, setting)| setting.key == PARAMETER && !place.in_overlay)
}

fn ends_in_overlay(places: &[(Place<'_>, &str)]) -> bool {
    places
        .last()
        .is_some_and(|(place, line)| match Setting::of(line) {
            Some(setting) if setting.key == OVERLAY => !setting.item.is_empty(),
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
        if let Some(file) = line
            .strip_prefix(INCLUDE)
            .filter(|rest| rest.starts_with(' '))
        {
            let (key, item) = (INCLUDE, file.trim());
            return Some(Self { key, item });
        }
        let (key, value) = line.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || key.contains(char::is_whitespace) {
            return None;
        }
        // The names that the documentation gives up in favor of the others.
        let key = match key {
            "device_tree_param" => PARAMETER,
            "device_tree_overlay" => OVERLAY,
            key => key,
        };
        let item = match key {
            PARAMETER | OVERLAY | "gpio" => value,
            _ => "",
        };
        Some(Self { key, item })
    }

    /// Whether it can be there several times.
    fn is_listed(self) -> bool {
        matches!(self.key, "gpio" | OVERLAY | INCLUDE)
    }

    /// The parameters that a `dtparam` sets.
    fn names(self) -> impl Iterator<Item = &'a str> {
        self.item
            .split(',')
            .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
    }

    /// Whether this sets something that `other` sets.
    fn meets(self, other: Setting<'_>) -> bool {
        if self.key != other.key {
            return false;
        }
        match self.key {
            PARAMETER => self
                .names()
                .any(|name| other.names().any(|known| known == name)),
            _ => self.item == other.item,
        }
    }

    /// Whether nothing of `line` is left to say beside this, where the two meet.
    fn replaces(self, line: &str) -> bool {
        self.key != PARAMETER
            || Setting::of(line).is_some_and(|other| {
                let mut others = other.names();
                others.all(|name| self.names().any(|own| own == name))
            })
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
