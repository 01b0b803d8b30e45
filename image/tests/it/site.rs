//! A site that has one image of Raspberry Pi OS, and an empty cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::base::net::{Client, NetConfig};
use image::base::official::{Age, Archive, OfficialError, OfficialImage, Site, prepare};
use image::{Architecture, Progress, Silent};

use crate::server::Server;
use crate::support::{Bench, Features, chain, run, tool};

pub(crate) const INDEX: &str = "/os_list.json";
pub(crate) const PACKED: &str = "/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz";

/// A site with one image, which the real xz has packed, and an empty cache.
pub(crate) struct Fixture {
    pub(crate) bench: Bench,
    pub(crate) server: Server,
    pub(crate) packed: Vec<u8>,
}

pub(crate) fn sha256(path: &Path) -> String {
    let sum = run(tool("sha256sum").arg(path));
    sum.split(' ').next().unwrap().to_owned()
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// `change` has its hand in the image's entry of the index.
    pub(crate) fn with(change: impl FnOnce(&mut serde_json::Value)) -> Self {
        let bench = Bench::new(Features::Trixie);
        run(tool("xz")
            .args(["--keep", "--threads=2", "-1"])
            .arg(bench.base()));
        let archive = bench.path("base.img.xz");
        let packed = fs::read(&archive).unwrap();
        let server = Server::start();
        let mut entry = serde_json::json!({
            "name": "Raspberry Pi OS Lite (64-bit)",
            "description": "A port of Debian Trixie with no desktop environment",
            "icon": server.url("/icon.png"),
            "url": server.url(PACKED),
            "extract_size": fs::metadata(bench.base()).unwrap().len(),
            "extract_sha256": sha256(&bench.base()),
            "image_download_size": packed.len(),
            "image_download_sha256": sha256(&archive),
            "release_date": "2026-06-18",
            "devices": ["pi5-64bit", "pi4-64bit", "pi3-64bit"],
            "init_format": "cloudinit-rpi",
        });
        change(&mut entry);
        let index = serde_json::json!({
            "imager": {"latest_version": "2.0.11"},
            "os_list": [{"name": "Raspberry Pi OS (other)", "description": "", "subitems": [entry]}],
        });
        server.put(INDEX, index.to_string());
        server.put(PACKED, packed.clone());
        Self {
            bench,
            server,
            packed,
        }
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.bench.path("cache")
    }

    pub(crate) fn site(&self) -> Site {
        let config = NetConfig {
            stall: Duration::from_secs(1),
            pause: Duration::from_millis(10),
            ..NetConfig::default()
        };
        Site::new(Client::new(&config).unwrap(), self.server.url(INDEX), None)
    }

    pub(crate) fn image(&self) -> OfficialImage {
        let loaded = self
            .site()
            .index(&self.cache(), Age::Newest, &mut Silent)
            .unwrap();
        loaded
            .index
            .find("raspios-lite", Architecture::Arm64)
            .unwrap()
            .clone()
    }

    pub(crate) fn fetch(&self) -> Result<PathBuf, OfficialError> {
        self.fetch_with(&mut Silent)
    }

    pub(crate) fn fetch_with(&self, progress: &mut dyn Progress) -> Result<PathBuf, OfficialError> {
        let image = self.image();
        self.server.asked();
        prepare(
            &image,
            &self.site(),
            &self.cache(),
            Archive::Remove,
            progress,
        )
    }

    /// An error with its causes, without what is different in each run.
    pub(crate) fn words(&self, error: &OfficialError) -> String {
        let host = self.server.url("");
        chain(error)
            .replace(&host, "http://[SITE]")
            .replace(host.trim_start_matches("http://"), "[SITE]")
            .replace(self.bench.folder.path().to_str().unwrap(), "[DIR]")
            .replace(&sha256(&self.bench.base())[..16], "[SHA]")
    }

    /// What lies in the cache beside locks.
    pub(crate) fn cached(&self) -> Vec<String> {
        let names = |folder: &str| -> Vec<String> {
            let Ok(entries) = fs::read_dir(self.cache().join(folder)) else {
                return Vec::new();
            };
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names
                .filter(|name| Path::new(name).extension().is_none_or(|e| e != "lock"))
                .map(|name| format!("{folder}/{name}"))
                .collect()
        };
        let mut all = [names("bases"), names("archives")].concat();
        all.sort();
        all
    }
}
