//! What somebody wants beside the image.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::{Args, ValueEnum};
use image::Compression;

use super::names::Names;
use super::publish;
use crate::hint::Fault;

/// What to write beside the image.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// What else to write beside the image and its report; several with commas, as bmap,sums.
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    with: Vec<With>,
    /// A packed image beside the image: xz, zst, or with a level, as xz:9.
    #[arg(long, value_name = "HOW")]
    compress: Option<Compression>,
    /// Where the image can be downloaded from, for the manifest [default: this computer's file]
    #[arg(long, value_name = "URL")]
    manifest_url_base: Option<String>,
}

/// Something that can lie beside an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum With {
    /// The block map, by which `bmaptool` and `provision flash` copy only what matters
    Bmap,
    /// The manifest, by which Raspberry Pi Imager offers the image and checks it
    Manifest,
    /// The list of the software on the card, in SPDX
    Sbom,
    /// The digests of everything, for `sha256sum --check`
    Sums,
    /// All of these
    All,
}

/// What is made beside the image and its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The block map.
    pub bmap: bool,
    /// The manifest, and the address of the folder that its image can be downloaded from.
    pub manifest: Option<Place>,
    /// The list of software.
    pub sbom: bool,
    /// The digests.
    pub sums: bool,
    /// The packed image.
    pub compress: Option<Compression>,
}

/// Where the files that a manifest names are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the folder of the image, on this computer.
    Here,
    /// Below this address.
    Url(String),
}

impl OutputArgs {
    /// What they ask for.
    ///
    /// # Errors
    ///
    /// An address without a manifest, or one that is none.
    pub fn plan(&self) -> anyhow::Result<Plan> {
        let asked: BTreeSet<_> = self.with.iter().copied().collect();
        let wants = |what| asked.contains(&what) || asked.contains(&With::All);
        let place = match &self.manifest_url_base {
            None => Place::Here,
            Some(_) if !wants(With::Manifest) => {
                let text = "--manifest-url-base is for a manifest, and none is asked for";
                return Err(Fault::input(text).hint("add --with manifest").into());
            }
            Some(url) => Place::Url(base_url(url)?),
        };
        Ok(Plan {
            bmap: wants(With::Bmap),
            manifest: wants(With::Manifest).then_some(place),
            sbom: wants(With::Sbom),
            sums: wants(With::Sums),
            compress: self.compress,
        })
    }
}

impl Plan {
    /// The names of all files that are written, the image first.
    pub fn files(&self, names: &Names) -> Vec<String> {
        let packed = self.compress.map(|method| names.packed(method));
        let wanted = [
            Some(names.image().to_owned()),
            packed,
            self.bmap.then(|| names.bmap()),
            self.manifest.is_some().then(|| names.manifest()),
            self.sbom.then(|| names.sbom()),
            Some(names.report()),
            self.sums.then(|| names.sums()),
        ];
        wanted.into_iter().flatten().collect()
    }

    /// Refuses what would stand in the way in `folder`, before anything is made.
    pub fn check_places(&self, names: &Names, folder: &Path) -> anyhow::Result<()> {
        for name in self.files(names) {
            let path = folder.join(name);
            let about = fs::symlink_metadata(&path);
            if about.is_ok_and(|about| !about.is_file() && !about.is_symlink()) {
                let text = format!("{} exists and is no regular file", path.display());
                return Err(Fault::input(text).into());
            }
        }
        publish::check_renames(names, &self.files(names), folder)
    }
}

/// An address with a slash at its end.
fn base_url(url: &str) -> anyhow::Result<String> {
    let known = ["https://", "http://", "file:///"];
    let is_one = known.iter().any(|scheme| url.starts_with(scheme))
        && url
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}?#".contains(&byte));
    if !is_one {
        let text = format!("--manifest-url-base {url:?} is no address of a folder");
        return Err(Fault::input(text)
            .hint("as in https://example.com/images/")
            .into());
    }
    Ok(format!("{}/", url.trim_end_matches('/')))
}
