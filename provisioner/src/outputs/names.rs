//! What the files beside an image are called: so that people see what belongs together, and other programs find it.

use std::path::Path;

use anyhow::Context;
use image::Compression;

use crate::hint::Fault;

/// The names of an image and of what lies beside it in its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    image: String,
    stem: String,
}

impl Names {
    /// The digests of a folder; one file for all that is in it.
    const SUMS: &'static str = "SHA256SUMS";

    /// The names around the image at `path`.
    ///
    /// # Errors
    ///
    /// If it has a name that one of the others has, or one that not every file's text can hold.
    pub fn of(path: &Path) -> anyhow::Result<Self> {
        let name = path.file_name().context("an image needs a name")?;
        let name = name
            .to_str()
            .filter(|name| !name.contains(char::is_control));
        let Some(name) = name else {
            let text = format!("--out {:?}: the name is not printable", path.display());
            return Err(Fault::input(text).into());
        };
        if name == Self::SUMS {
            let text = format!("--out {name}: that is the name of the list of digests");
            return Err(Fault::input(text).hint("write --out pi.img").into());
        }
        if let Some(fault) = of_another_kind(name) {
            return Err(fault.into());
        }
        Ok(Self {
            image: name.to_owned(),
            stem: name.strip_suffix(".img").unwrap_or(name).to_owned(),
        })
    }

    /// The image itself.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// The image's name without its ending.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// The packed image.
    pub fn packed(&self, method: Compression) -> String {
        format!("{}.{}", self.image, method.extension())
    }

    /// The block map. `bmaptool` looks for it under this name, for the packed image too.
    pub fn bmap(&self) -> String {
        format!("{}.bmap", self.image)
    }

    /// The manifest for Raspberry Pi Imager, which opens files with this ending.
    pub fn manifest(&self) -> String {
        format!("{}.rpi-imager-manifest", self.stem)
    }

    /// The list of software.
    pub fn sbom(&self) -> String {
        format!("{}.spdx.json", self.stem)
    }

    /// The report.
    pub fn report(&self) -> String {
        format!("{}.report.json", self.stem)
    }

    /// The digests.
    pub fn sums(&self) -> String {
        Self::SUMS.to_owned()
    }

    /// Everything that can lie beside the image and belongs to it alone. The list of digests belongs to the folder.
    pub fn companions(&self) -> Vec<String> {
        vec![
            // The most dangerous one beside another image comes first.
            self.bmap(),
            self.packed(Compression::XZ),
            self.packed(Compression::ZSTANDARD),
            self.manifest(),
            self.sbom(),
            self.report(),
        ]
    }
}

/// A name by which other programs would take the raw image for something else.
fn of_another_kind(name: &str) -> Option<Fault> {
    const ENDINGS: [(&str, &str); 6] = [
        (".xz", " --compress xz"),
        (".zst", " --compress zst"),
        (".gz", " --compress xz"),
        (".zip", " --compress xz"),
        (".bmap", " --with bmap"),
        (".json", ""),
    ];
    let lower = name.to_ascii_lowercase();
    let (ending, flag) = ENDINGS.iter().find(|(ending, _)| lower.ends_with(ending))?;
    // An ending is of ASCII, so that as many bytes are cut off as it has.
    let stem = &name[..name.len() - ending.len()];
    let stem = stem.strip_suffix(".img").unwrap_or(stem);
    let stem = if stem.is_empty() { "pi" } else { stem };
    let text = format!("--out {name}: the image is raw, and {ending} says something else");
    Some(Fault::input(text).hint(format!("write --out {stem}.img{flag}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_named_after_the_image() {
        let names = Names::of(Path::new("out/pi.img")).unwrap();
        assert_eq!(
            names.companions(),
            [
                "pi.img.bmap",
                "pi.img.xz",
                "pi.img.zst",
                "pi.rpi-imager-manifest",
                "pi.spdx.json",
                "pi.report.json"
            ]
        );
        let names = Names::of(Path::new("card")).unwrap();
        assert_eq!(names.bmap(), "card.bmap");
        assert_eq!(names.report(), "card.report.json");
        let hint = |name| crate::hint::of(&Names::of(Path::new(name)).unwrap_err());
        for (name, hint_for_it) in [
            ("out/pi.img.xz", "write --out pi.img --compress xz"),
            ("pi.IMG.ZST", "write --out pi.IMG.img --compress zst"),
            ("pi.gz", "write --out pi.img --compress xz"),
            (".zip", "write --out pi.img --compress xz"),
            ("pi.img.bmap", "write --out pi.img --with bmap"),
            ("pi.report.json", "write --out pi.report.img"),
        ] {
            assert_eq!(hint(name).as_deref(), Some(hint_for_it), "{name}");
        }
        assert!(Names::of(Path::new("out/SHA256SUMS")).is_err());
        assert!(Names::of(Path::new("out/a\nb.img")).is_err());
    }
}
