//! The report that lies beside an image.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use image::Report;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::hint::Fault;
use crate::outputs::{OutputFacts, SeedFacts};

/// The version of the format that is read here.
const VERSION: u32 = 1;
/// A report of 100,000 paths has 30 MB.
const LARGEST: u64 = 64 << 20;
/// What is taken off an image's name before the report's own ending is put on.
const PACKED: [&str; 4] = [".xz", ".gz", ".zst", ".zip"];

/// A report, as far as a card can be compared with it.
#[derive(Debug, Clone)]
pub struct Baking {
    /// What was written.
    pub report: Report,
    /// The files that were made, the image first; none if the report doesn't say.
    pub outputs: Vec<OutputFacts>,
    /// The files with settings on the FAT partition, if the report knows them.
    pub first_boot_files: Option<Vec<SeedFacts>>,
}

/// What a report says beside what was written. Reports of older versions say less.
#[derive(Deserialize)]
struct More {
    #[serde(default)]
    outputs: Vec<OutputFacts>,
    #[serde(default)]
    first_boot_files: Option<Vec<SeedFacts>>,
}

/// Where the report of `image` is: `pi.report.json` for `pi.img` and `pi.img.xz`.
pub fn beside(image: &Path) -> PathBuf {
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    let name = PACKED
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(&name);
    let name = name.strip_suffix(".img").unwrap_or(name);
    image.with_file_name(format!("{name}.report.json"))
}

/// Reads a report.
///
/// # Errors
///
/// If there is none, it is none, or it has another version.
pub fn read(path: &Path) -> anyhow::Result<Baking> {
    let reading = || format!("reading the report {}", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = format!("there is no report {}", path.display());
            let hint =
                "`provision image` writes it beside the image; name another with --report FILE";
            return Err(Fault::input(text).hint(hint).into());
        }
        Err(error) => return Err(error).with_context(reading),
    };
    let mut text = String::new();
    file.take(LARGEST)
        .read_to_string(&mut text)
        .with_context(reading)?;
    let report: Report = parse(path, &text)?;
    if report.version != VERSION {
        let found = report.version;
        let text = format!(
            "{} has version {found}; this program knows version {VERSION}",
            path.display()
        );
        return Err(Fault::input(text)
            .hint("use the version of provision that made it, or a newer one")
            .into());
    }
    let more: More = parse(path, &text)?;
    Ok(Baking {
        report,
        outputs: more.outputs,
        first_boot_files: more.first_boot_files,
    })
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| {
        Fault::input(format!(
            "{} is no report of an image: {error}",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_lies_beside_its_image_however_that_is_packed() {
        for name in ["out/pi.img", "out/pi.img.xz", "out/pi.img.zst"] {
            assert_eq!(beside(Path::new(name)), Path::new("out/pi.report.json"));
        }
        assert_eq!(beside(Path::new("pi.v2")), Path::new("pi.v2.report.json"));
    }
}
