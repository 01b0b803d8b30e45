//! The official index, as rpi-imager reads it (version 4): a tree of entries, of which a few are images of
//! Raspberry Pi OS.

use serde::Deserialize;
use serde_json::Value;

use super::image::{InitFormat, OfficialImage};
use crate::release::Architecture;

/// The deepest nesting that is followed; the official one has two levels.
const DEPTH: usize = 8;
/// The most entries that are looked at; the official index has a few hundred.
const ENTRIES: usize = 20_000;

/// The images of Raspberry Pi OS in an index, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    images: Vec<OfficialImage>,
    warnings: Vec<String>,
}

/// Why something is no index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It is no JSON.
    #[error("it is not JSON")]
    Syntax(#[from] serde_json::Error),
    /// It has no list.
    #[error("it has no \"os_list\"")]
    NoList,
    /// There is nothing in it that could be a base.
    #[error("no usable image of Raspberry Pi OS is in it{}", .0.as_deref().map_or_else(String::new, |first| format!("; {first}")))]
    Empty(Option<String>),
}

/// The fields of an entry that matter here. Whatever else there is may be anything.
#[derive(Deserialize)]
struct Entry {
    name: String,
    release_date: String,
    extract_size: u64,
    extract_sha256: String,
    #[serde(default)]
    image_download_size: Option<u64>,
    #[serde(default)]
    image_download_sha256: Option<String>,
    #[serde(default)]
    init_format: InitFormat,
    #[serde(default)]
    architecture: Option<String>,
}

impl Index {
    /// Reads an index. Entries of Raspberry Pi OS that are broken are passed over with a warning, those of other
    /// systems without one.
    pub fn parse(text: &[u8]) -> Result<Self, IndexError> {
        let root: Value = serde_json::from_slice(text)?;
        let list = root.get("os_list").and_then(Value::as_array);
        let mut index = Self::default();
        index.walk(list.ok_or(IndexError::NoList)?);
        if index.images.is_empty() {
            return Err(IndexError::Empty(index.warnings.into_iter().next()));
        }
        let key = |image: &OfficialImage| (image.identifier.clone(), image.architecture.name());
        index.images.sort_by(|a, b| {
            key(a)
                .cmp(&key(b))
                .then_with(|| b.release_date.cmp(&a.release_date))
                .then_with(|| a.extract_sha256.cmp(&b.extract_sha256))
        });
        // The index lists some images twice: among the recommended ones, and in their group.
        index
            .images
            .dedup_by(|a, b| key(a) == key(b) && a.extract_sha256 == b.extract_sha256);
        Ok(index)
    }

    /// All images, sorted by identifier and architecture, the newest of each first.
    pub fn images(&self) -> &[OfficialImage] {
        &self.images
    }

    /// What was passed over, and why.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The newest image that recipes call `identifier`.
    pub fn find(&self, identifier: &str, architecture: Architecture) -> Option<&OfficialImage> {
        self.images
            .iter()
            .find(|image| image.identifier == identifier && image.architecture == architecture)
    }

    /// The names that recipes may use, each once.
    pub fn identifiers(&self) -> Vec<&str> {
        let mut names: Vec<_> = self
            .images
            .iter()
            .map(|image| image.identifier.as_str())
            .collect();
        names.dedup();
        names
    }

    /// Goes through the tree without recursion: a level at a time.
    fn walk(&mut self, list: &[Value]) {
        let mut level: Vec<&Value> = list.iter().collect();
        let mut seen = 0;
        for _ in 0..DEPTH {
            let mut below = Vec::new();
            for entry in level {
                seen += 1;
                if seen > ENTRIES {
                    self.warnings.push(format!(
                        "the index has more than {ENTRIES} entries; the rest was left out"
                    ));
                    return;
                }
                if let Some(items) = entry.get("subitems").and_then(Value::as_array) {
                    below.extend(items);
                }
                self.take(entry);
            }
            level = below;
        }
    }

    fn take(&mut self, entry: &Value) {
        let url = entry.get("url").and_then(Value::as_str).unwrap_or_default();
        let Some((identifier, architecture)) = product(url) else {
            return;
        };
        let made = Entry::deserialize(entry)
            .map_err(|error| error.to_string())
            .and_then(|entry| image(entry, url, identifier.clone(), architecture));
        match made {
            Ok(image) => self.images.push(image),
            Err(why) => {
                let name = entry
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or(&identifier);
                let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
                self.warnings
                    .push(format!("the index' entry {name:?} was left out: {why}"));
            }
        }
    }
}

fn image(
    entry: Entry,
    url: &str,
    identifier: String,
    architecture: Architecture,
) -> Result<OfficialImage, String> {
    let said = match entry.architecture.as_deref() {
        Some("armv8") => Some(Architecture::Arm64),
        Some("armhf") => Some(Architecture::Armhf),
        _ => None,
    };
    if said.is_some_and(|said| said != architecture) {
        return Err(format!(
            "its address says {architecture}, and its architecture does not"
        ));
    }
    let image = OfficialImage {
        name: entry.name,
        identifier,
        url: url.to_owned(),
        release_date: entry.release_date,
        extract_size: entry.extract_size,
        extract_sha256: entry.extract_sha256.to_ascii_lowercase(),
        image_download_size: entry.image_download_size.filter(|size| *size > 0),
        image_download_sha256: entry
            .image_download_sha256
            .map(|digest| digest.to_ascii_lowercase()),
        init_format: entry.init_format,
        architecture,
    };
    image.check()?;
    Ok(image)
}

/// What the product's folder in an image's address says: `…/raspios_lite_arm64/images/…` is the arm64 one of
/// `raspios-lite`. `None` for another system's.
fn product(url: &str) -> Option<(String, Architecture)> {
    let path = url.split_once("://")?.1.split(['?', '#']).next()?;
    let folders: Vec<_> = path.split('/').collect();
    let place = folders.windows(2).find(|pair| pair[1] == "images")?;
    let (name, architecture) = place[0].rsplit_once('_')?;
    let architecture = match architecture {
        "arm64" => Architecture::Arm64,
        "armhf" => Architecture::Armhf,
        _ => return None,
    };
    let known = name == "raspios" || name.starts_with("raspios_");
    known.then(|| (name.replace('_', "-"), architecture))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(product: &str, date: &str, digit: &str) -> Value {
        json!({
            "name": format!("Raspberry Pi OS {product}"),
            "description": "x",
            "icon": "https://downloads.example/icon.png",
            "url": format!("https://downloads.example/{product}/images/{product}-{date}/{date}-x.img.xz"),
            "extract_size": 2_977_955_840_u64,
            "extract_sha256": digit.repeat(64),
            "image_download_size": 524_875_608,
            "release_date": date,
            "devices": ["pi5-64bit"],
            "init_format": "cloudinit-rpi",
            "something_new": {"nobody": ["knows", 1]},
        })
    }

    fn parsed(list: &Value) -> Index {
        Index::parse(
            json!({"imager": {"latest_version": "9"}, "os_list": list})
                .to_string()
                .as_bytes(),
        )
        .unwrap()
    }

    #[test]
    fn images_are_found_however_deep_they_are_nested_and_the_newest_is_taken() {
        let index = parsed(&json!([
            entry("raspios_arm64", "2026-06-18", "a"),
            {"name": "Raspberry Pi OS (other)", "description": "", "subitems": [
                entry("raspios_lite_arm64", "2025-12-04", "b"),
                entry("raspios_lite_arm64", "2026-06-18", "c"),
                entry("raspios_lite_armhf", "2026-06-18", "d"),
                {"name": "Legacy", "subitems": [entry("raspios_oldstable_lite_arm64", "2026-06-18", "e")]},
            ]},
            {"name": "Another", "description": "", "subitems_url": "https://other.example/list.json"},
            {"name": "Ubuntu", "url": "https://cdimage.example/ubuntu-arm64.img.xz", "extract_size": "huge"},
        ]));
        let lite = index.find("raspios-lite", Architecture::Arm64).unwrap();
        assert_eq!(
            lite.file_name(),
            "raspios-lite-arm64-2026-06-18-cccccccccccccccc.img"
        );
        assert_eq!(lite.init_format, InitFormat::CloudinitRpi);
        assert_eq!(
            index.identifiers(),
            ["raspios", "raspios-lite", "raspios-oldstable-lite"]
        );
        assert_eq!(index.find("raspios", Architecture::Armhf), None);
        assert_eq!(index.warnings(), [""; 0]);
    }

    #[test]
    fn broken_entries_are_left_out_with_a_word_and_do_not_hide_the_others() {
        let mut bad = vec![entry("raspios_lite_arm64", "2026-06-18", "a"); 6];
        bad[0]["extract_sha256"] = json!("../../etc/passwd");
        bad[1]["release_date"] = json!("../x");
        bad[2].as_object_mut().unwrap().remove("extract_size");
        bad[3]["extract_size"] = json!(u64::MAX);
        bad[4]["name"] = json!("red \u{1b}[31m");
        bad[5]["architecture"] = json!("armhf");
        bad.push(entry("raspios_lite_armhf", "2026-06-18", "b"));
        let index = parsed(&json!(bad));
        assert_eq!(index.images().len(), 1);
        insta::assert_snapshot!(index.warnings().join("\n"), @r#"
        the index' entry "Raspberry Pi OS raspios_lite_arm64" was left out: extract_sha256 "../../etc/passwd" is no sha256
        the index' entry "Raspberry Pi OS raspios_lite_arm64" was left out: release_date "../x" is no date as 2026-06-18
        the index' entry "Raspberry Pi OS raspios_lite_arm64" was left out: missing field `extract_size`
        the index' entry "Raspberry Pi OS raspios_lite_arm64" was left out: extract_size 18446744073709551615 is no size of a card image
        the index' entry "red [31m" was left out: name has control characters
        the index' entry "Raspberry Pi OS raspios_lite_arm64" was left out: its address says arm64, and its architecture does not
        "#);
    }

    #[test]
    fn what_is_no_index_is_told_from_one_without_images() {
        let error = |text: &str| Index::parse(text.as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(error("<html>"), @"it is not JSON");
        insta::assert_snapshot!(error("[]"), @r#"it has no "os_list""#);
        insta::assert_snapshot!(error(r#"{"os_list": [{"name": "x"}]}"#), @"no usable image of Raspberry Pi OS is in it");
    }

    #[test]
    fn nesting_without_end_is_not_followed_to_the_end() {
        let mut list = json!([entry("raspios_arm64", "2026-06-18", "f")]);
        for _ in 0..DEPTH {
            list = json!([{"name": "deeper", "subitems": list}]);
        }
        let text = json!({"os_list": list}).to_string();
        assert!(matches!(
            Index::parse(text.as_bytes()),
            Err(IndexError::Empty(None))
        ));
    }

    #[test]
    fn an_image_written_down_reads_back_the_same() {
        let index = parsed(&json!([entry("raspios_arm64", "2026-06-18", "f")]));
        let text = serde_json::to_string(&index.images()[0]).unwrap();
        assert_eq!(
            serde_json::from_str::<OfficialImage>(&text).unwrap(),
            index.images()[0]
        );
    }
}
