//! A computer that is made for a test.

use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Ended, Sandbox};

pub(super) const TARGETS: [&str; 3] = [
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
    "x86_64-unknown-linux-gnu",
];
pub(super) const LINKERS: [&str; 3] = [
    "aarch64-linux-gnu-gcc",
    "arm-linux-gnueabihf-gcc",
    "x86_64-linux-gnu-gcc",
];

/// A computer whose `PATH` is one folder: real programs for the base, and imitations for the broker, so
/// that a test does not depend on which of them this computer has.
pub(super) struct Computer {
    pub(super) sandbox: Sandbox,
}

/// What the doctor said about one thing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: String,
    pub(super) what: String,
    pub(super) cure: Option<String>,
}

impl Computer {
    pub(super) fn new() -> Self {
        Self::around(Sandbox::new())
    }

    pub(super) fn with_site() -> Self {
        Self::around(Sandbox::with_site())
    }

    fn around(sandbox: Sandbox) -> Self {
        std::fs::create_dir(sandbox.path("bin")).unwrap();
        let computer = Self { sandbox };
        for program in [
            "mmdebstrap",
            "depmod",
            "mke2fs",
            "debugfs",
            "e2fsck",
            "resize2fs",
        ]
        .into_iter()
        .chain(["mkfs.vfat", "mcopy", "mmd", "unshare", "id", "newuidmap"])
        .chain(["apt-get", "apt-cache", "apt-config", "dpkg-deb"])
        {
            computer.link(program);
        }
        computer.imitate("cargo", "echo 'cargo 1.95.0 (f2d3ce0bd 2026-03-21)'");
        let libraries = computer.sandbox.path("libraries");
        let rustc = format!(
            "case $1 in -vV) echo 'rustc 1.95.0 (59807616e 2026-04-14)' ;; *) echo {}/$4 ;; esac",
            libraries.display()
        );
        computer.imitate("rustc", &rustc);
        for (target, linker) in TARGETS.into_iter().zip(LINKERS) {
            std::fs::create_dir_all(libraries.join(target)).unwrap();
            File::create(libraries.join(target).join("libstd-0123.rlib")).unwrap();
            computer.imitate(linker, "exit 0");
        }
        computer
    }

    /// Has a program of this computer, if this computer has it.
    fn link(&self, program: &str) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
        let found = folders
            .map(|folder| folder.join(program))
            .find(|file| file.exists());
        if let Some(found) = found {
            symlink(found, self.bin(program)).unwrap();
        }
    }

    pub(super) fn imitate(&self, program: &str, script: &str) {
        let _ = std::fs::remove_file(self.bin(program));
        self.sandbox
            .write(&format!("bin/{program}"), &format!("#!/bin/sh\n{script}\n"));
        self.mode(&format!("bin/{program}"), 0o755);
    }

    pub(super) fn lack(&self, program: &str) {
        std::fs::remove_file(self.bin(program)).unwrap();
    }

    fn bin(&self, program: &str) -> PathBuf {
        self.sandbox.path("bin").join(program)
    }

    pub(super) fn mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.sandbox.path(name), Permissions::from_mode(mode)).unwrap();
    }

    pub(super) fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
        command.arg("doctor").args(args);
        command.env_clear().env("PATH", self.sandbox.path("bin"));
        command.env("HOME", self.sandbox.path("home"));
        command.envs(env.iter().copied());
        command.current_dir(self.sandbox.path("."));
        self.sandbox.run_as_is(&mut command, "")
    }

    /// What is said about one thing after `script`, whose mounts nobody else sees.
    #[track_caller]
    pub(super) fn says_after(&self, name: &str, script: &str) -> Said {
        let mut command = Command::new("unshare");
        command.arg("--mount");
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        let bin = self.sandbox.path("bin");
        let script = format!("set -e\n{script}\nexec env PATH={} \"$@\"", bin.display());
        let program = env!("CARGO_BIN_EXE_provision");
        command.args(["sh", "-c", &script, "sh", program, "doctor", "--json", "-q"]);
        named(name, examined(&self.sandbox.run(&mut command, "")))
    }

    /// All checks.
    pub(super) fn examined(&self) -> Vec<(String, Said)> {
        examined(&self.run(&["--json", "-q"], &[]))
    }

    #[track_caller]
    pub(super) fn says(&self, name: &str) -> Said {
        self.says_with(name, &[])
    }

    #[track_caller]
    pub(super) fn says_with(&self, name: &str, env: &[(&str, &str)]) -> Said {
        named(name, examined(&self.run(&["--json", "-q"], env)))
    }

    /// Does as a cure says.
    pub(super) fn take(&self, cure: &str) {
        self.sandbox
            .run(Command::new("sh").args(["-c", cure]), "")
            .success();
    }

    pub(super) fn openssl(&self, args: &[&str]) {
        self.sandbox
            .run(Command::new("openssl").args(args), "")
            .success();
    }

    /// Has openssl sign what `site.yaml` wants with the authority's key, the host's key inside.
    pub(super) fn certify(&self, authority: &str, days: &str) {
        let names = "subjectAltName=DNS:broker,DNS:broker.local,DNS:localhost,IP:127.0.0.1,IP:::1";
        let key = "site/hosts/broker/server.key";
        self.openssl(&[
            "req",
            "-new",
            "-key",
            key,
            "-subj",
            "/CN=broker",
            "-addext",
            names,
            "-out",
            "csr",
        ]);
        let (certificate, ca_key) = (format!("{authority}.crt"), format!("{authority}.key"));
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            "csr",
            "-CA",
            &certificate,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-copy_extensions",
            "copy",
            "-days",
            days,
            "-out",
            "site/hosts/broker/server.crt",
        ]);
    }
}

impl Said {
    pub(super) fn is_well(&self) -> bool {
        self.status == "ok"
    }

    pub(super) fn shown(&self) -> String {
        let cure = self.cure.as_deref().unwrap_or("-");
        format!("{}: {}\ncure: {cure}", self.status, self.what)
    }
}

/// Reads the JSON. Whatever it says, the exit code must say the same.
#[track_caller]
fn examined(ended: &Ended) -> Vec<(String, Said)> {
    assert_eq!(ended.stderr, "");
    let value: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(value["version"], 1);
    let checks = value["checks"].as_array().unwrap().iter().map(|check| {
        let text = |key: &str| check[key].as_str().map(str::to_owned);
        let said = Said {
            status: text("status").unwrap(),
            what: text("what").unwrap(),
            cure: text("cure"),
        };
        (text("name").unwrap(), said)
    });
    let checks: Vec<_> = checks.collect();
    let found = checks.iter().any(|(_, said)| said.status == "finding");
    assert_eq!(ended.code, if found { 3 } else { 0 });
    for (name, said) in &checks {
        let is_finding = said.status == "finding";
        assert_eq!(said.cure.is_some(), is_finding, "{name}: {said:?}");
    }
    checks
}

#[track_caller]
fn named(name: &str, checks: Vec<(String, Said)>) -> Said {
    let names: Vec<_> = checks.iter().map(|(name, _)| name.clone()).collect();
    let said = checks.into_iter().find(|(found, _)| found == name);
    said.unwrap_or_else(|| panic!("no check {name} among {names:?}"))
        .1
}
