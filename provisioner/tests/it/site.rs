//! A site that has one image of Raspberry Pi OS, and a sandbox with a small base.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use provisioner::output;
use serde_json::{Value, json};

use crate::bake::with_base;
use crate::server::Server;
use crate::support::{Ended, Sandbox, tool};

pub(crate) const INDEX: &str = "/os_list.json";
pub(crate) const PACKED: &str = "/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz";

/// A sandbox with a small base, and a site that has it as Raspberry Pi OS Lite.
pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) server: Server,
    pub(crate) packed: Vec<u8>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// `change` has its hand in the image's entry of the index.
    pub(crate) fn with(change: impl FnOnce(&mut Value)) -> Self {
        let sandbox = with_base();
        tool(&sandbox, "xz -k -1 base.img").success();
        let packed = fs::read(sandbox.path("base.img.xz")).unwrap();
        let server = Server::start();
        server.put(PACKED, packed.clone());
        server.put(INDEX, index(&sandbox, &server.url(""), change).to_string());
        Self {
            sandbox,
            server,
            packed,
        }
    }

    pub(crate) fn command(&self, args: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
        command.args(args);
        self.sandbox.prepare(&mut command);
        command.env("PROVISION_INDEX_URL", self.server.url(INDEX));
        command.envs(variables.iter().copied());
        self.sandbox.run_as_is(&mut command, "")
    }

    pub(crate) fn provision(&self, args: &[&str]) -> Ended {
        self.command(args, &[])
    }

    pub(crate) fn bake(&self, more: &[&str]) -> Ended {
        let args = [
            "image", "--broker", "broker", "--free", "1M", "--out", "pi.img",
        ];
        self.provision(&[&args[..], more].concat())
    }

    /// An outcome without what is different in each run.
    pub(crate) fn shown(&self, ended: &Ended) -> String {
        let host = self.server.url("");
        let text = ended
            .shown()
            .replace(host.trim_start_matches("http://"), "[SITE]");
        redact(&self.without_size(&text))
    }

    /// A text without how well the base could be packed here.
    pub(crate) fn without_size(&self, text: &str) -> String {
        text.replace(&output::bytes(self.packed.len() as u64), "[SIZE]")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.sandbox.path("home/.cache/provision")
    }
}

pub(crate) fn sum(sandbox: &Sandbox, file: &str) -> String {
    let sum = tool(sandbox, &format!("sha256sum {file}")).success().stdout;
    sum.split(' ').next().unwrap().to_owned()
}

/// The index that the official site would have.
pub(crate) fn index(sandbox: &Sandbox, site: &str, change: impl FnOnce(&mut Value)) -> Value {
    let size = |file| fs::metadata(sandbox.path(file)).unwrap().len();
    let mut lite = json!({
        "name": "Raspberry Pi OS Lite (64-bit)",
        "description": "A port of Debian Trixie with no desktop environment",
        "icon": format!("{site}/icon.png"),
        "url": format!("{site}{PACKED}"),
        "extract_size": size("base.img"),
        "extract_sha256": sum(sandbox, "base.img"),
        "image_download_size": size("base.img.xz"),
        "image_download_sha256": sum(sandbox, "base.img.xz"),
        "release_date": "2026-06-18",
        "devices": ["pi5-64bit", "pi4-64bit", "pi3-64bit"],
        "init_format": "cloudinit-rpi",
    });
    let mut older = lite.clone();
    older["release_date"] = "2025-12-04".into();
    older["extract_sha256"] = "0".repeat(64).into();
    let mut desktop = lite.clone();
    desktop["url"] =
        format!("{site}/raspios_armhf/images/raspios_armhf-2026-06-19/x.img.xz").into();
    desktop["init_format"] = "systemd".into();
    desktop["image_download_size"] = 1_234_567_890.into();
    desktop["extract_size"] = 5_368_709_120_u64.into();
    desktop["extract_sha256"] = "1".repeat(64).into();
    change(&mut lite);
    json!({
        "imager": { "latest_version": "2.0.11" },
        "os_list": [
            desktop,
            { "name": "Raspberry Pi OS (other)", "description": "", "subitems": [lite, older] },
            { "name": "Another system", "url": "https://other.example/x.img.xz" },
        ],
    })
}

/// Takes times, digests and host-dependent sizes out of a text.
pub(crate) fn redact(text: &str) -> String {
    let mut words = Vec::new();
    for line in text.lines() {
        let line = line.split(" in 0.").next().unwrap_or(line);
        let line = match line.rsplit_once(" in ") {
            Some((before, time)) if time.ends_with(" s") && time.len() < 7 => before,
            _ => line,
        };
        let mut line = line.to_owned();
        let hex = |c: char| c.is_ascii_hexdigit();
        let long: Vec<String> = line
            .split(|c: char| !hex(c))
            .filter(|word| [16, 64].contains(&word.len()))
            .map(str::to_owned)
            .collect();
        for digest in long {
            line = line.replace(&digest, "[DIGEST]");
        }
        words.push(line);
    }
    words.join("\n")
}
