//! The manifest by which Raspberry Pi Imager offers an image: a list of one operating system.

use std::path::Path;

use image::{Architecture, Card};
use serde::Serialize;

use super::facts::Facts;
use super::names::Names;
use super::options::Place;
use super::uri;

/// An icon that the imager brings itself: nothing has to be downloaded.
const ICON: &str = "icons/cat_raspberry_pi_os.png";

#[derive(Debug, Serialize)]
struct Manifest {
    os_list: [System; 1],
}

#[derive(Debug, Serialize)]
struct System {
    name: String,
    description: String,
    icon: &'static str,
    url: String,
    extract_size: u64,
    extract_sha256: String,
    image_download_size: u64,
    image_download_sha256: String,
    release_date: String,
    devices: &'static [&'static str],
    /// The card needs no settings, and none that the imager would make are read.
    init_format: &'static str,
    architecture: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bmap_url: Option<String>,
}

/// What the manifest says of files.
pub(super) struct Files<'a> {
    pub(super) names: &'a Names,
    /// The absolute folder of the image.
    pub(super) folder: &'a Path,
    pub(super) place: &'a Place,
    /// Size and sha256 of the image.
    pub(super) raw: (u64, &'a str),
    /// Name, size and sha256 of the packed image, if there is one.
    pub(super) packed: Option<(&'a str, u64, &'a str)>,
    pub(super) has_bmap: bool,
}

impl Files<'_> {
    fn url(&self, name: &str) -> String {
        match self.place {
            Place::Here => uri::of_file(&self.folder.join(name)),
            Place::Url(base) => format!("{base}{}", uri::encode_name(name)),
        }
    }
}

/// The text of the manifest.
pub(super) fn render(facts: &Facts<'_>, files: &Files<'_>, card: &Card) -> anyhow::Result<Vec<u8>> {
    let architecture = facts.target().architecture();
    let is_official = card
        .find("/etc/rpi-issue")
        .map_err(image::Error::from)?
        .is_some();
    let (size, sha256) = files.raw;
    let (name, packed_size, packed_sha256) =
        files.packed.unwrap_or((files.names.image(), size, sha256));
    let system = System {
        name: format!("MQTT broker ({}, {architecture})", facts.host),
        description: description(facts, card)?,
        icon: ICON,
        url: files.url(name),
        extract_size: size,
        extract_sha256: sha256.to_owned(),
        image_download_size: packed_size,
        image_download_sha256: packed_sha256.to_owned(),
        release_date: facts.timestamp.to_string().chars().take(10).collect(),
        devices: devices(architecture, is_official),
        init_format: "none",
        architecture: match architecture {
            Architecture::Arm64 => "armv8",
            _ => "armhf",
        },
        bmap_url: files.has_bmap.then(|| files.url(&files.names.bmap())),
    };
    let mut text = serde_json::to_vec_pretty(&Manifest { os_list: [system] })?;
    text.push(b'\n');
    Ok(text)
}

fn description(facts: &Facts<'_>, card: &Card) -> anyhow::Result<String> {
    let system = card.os_release().map_err(image::Error::from)?.pretty_name;
    Ok(format!("{system} with broker release {}", facts.release))
}

/// The imager's names for the boards that an image boots on.
///
/// Debian's kernel has no driver for the card slot of a Pi 5, and in 32 bits none for the network of a Pi 4. The
/// broker is built for processors from the Pi 2 on: no image boots to one on a Pi 1 or Zero.
fn devices(architecture: Architecture, is_official: bool) -> &'static [&'static str] {
    match (architecture, is_official) {
        (Architecture::Arm64, true) => &["pi5-64bit", "pi4-64bit", "pi3-64bit"],
        (Architecture::Arm64, false) => &["pi4-64bit", "pi3-64bit"],
        (_, true) => &["pi5-32bit", "pi4-32bit", "pi3-32bit", "pi2-32bit"],
        (_, false) => &["pi3-32bit", "pi2-32bit"],
    }
}
