//! What kind of machine it is, and which broker it takes.

use anyhow::Context;
use image::Architecture;

use super::connection::Connection;
use crate::hint::Fault;
use crate::toolchain::{GlibcVersion, Target};

/// What anybody may see of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The number of the user who logged in.
    pub uid: u32,
    /// What the machine calls itself.
    pub hostname: String,
    /// A digest of its machine id; empty if it has none.
    pub id: String,
    /// What its operating system calls itself.
    pub system: String,
    /// The version of its C library, if it is glibc.
    pub glibc: Option<GlibcVersion>,
    /// Whether there is `sudo`.
    pub has_sudo: bool,
    /// `uname -m`.
    machine: String,
    /// The first bytes of a program that runs there.
    elf: Vec<u8>,
    /// The version of systemd, if it runs.
    systemd: Option<u32>,
    /// Programs that every Raspberry Pi OS has, and it has not.
    lacks: Vec<String>,
}

/// The first systemd that knows what the broker's unit says; `RestartSteps` came with 254, and older ones
/// ignore it.
const OLDEST_SYSTEMD: u32 = 247;

impl Facts {
    /// Asks a machine.
    pub fn of(connection: &Connection) -> anyhow::Result<Self> {
        let said = connection.run("facts")?.success("looking at the machine")?;
        Self::parse(&said)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut facts = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let value = value.trim();
            match name {
                "uid" => facts.uid = value.parse().context("reading the machine's user id")?,
                "hostname" => value.clone_into(&mut facts.hostname),
                "machine" => value.clone_into(&mut facts.machine),
                "elf" => facts.elf = bytes(value),
                "glibc" => facts.glibc = glibc(value),
                "system" => value.clone_into(&mut facts.system),
                "systemd" => facts.systemd = value.parse().ok(),
                "id" => value.clone_into(&mut facts.id),
                "sudo" => facts.has_sudo = true,
                "lacks" => facts.lacks.push(value.to_owned()),
                _ => {}
            }
        }
        Ok(facts)
    }

    /// The broker that runs there.
    ///
    /// # Errors
    ///
    /// There is none: the processor is too old, or another kind; or the system is not one that a push can
    /// change safely.
    pub fn target(&self) -> Result<Target, Fault> {
        let system = &self.system;
        if !self.lacks.is_empty() {
            let text = format!(
                "{system} lacks {}; nothing was changed",
                self.lacks.join(", ")
            );
            return Err(Fault::new(text).hint("install what is missing there, then push again"));
        }
        match self.systemd {
            None => {
                let text = format!(
                    "{} does not run systemd ({system}); nothing was changed",
                    self.hostname
                );
                return Err(Fault::new(text).hint(
                    "push needs a system that systemd has booted, such as Raspberry Pi OS or Debian",
                ));
            }
            Some(version) if version < OLDEST_SYSTEMD => {
                let text = format!(
                    "{system} has systemd {version}, {OLDEST_SYSTEMD} or newer is needed; nothing was changed"
                );
                return Err(
                    Fault::new(text).hint("Raspberry Pi OS 11 (bullseye) and newer have it")
                );
            }
            Some(_) => {}
        }
        let machine = &self.machine;
        let other = || {
            let text = format!("there is no broker for {machine} ({system}); nothing was changed");
            let names = Target::ALL.map(Target::name).join(", ");
            Fault::new(text).hint(format!("there are brokers for {names}"))
        };
        // By what runs there, not by the kernel: Raspberry Pi OS has 32-bit systems with 64-bit kernels.
        let architecture = Architecture::of_elf(&self.elf).ok_or_else(other)?;
        if architecture == Architecture::Armhf && machine.starts_with("armv6") {
            let text = format!(
                "{} has an {machine} processor (Pi 1, Zero, Zero W), and the broker is made for ARMv7 and \
                 newer: it would stop at its first instruction; nothing was changed",
                self.hostname
            );
            return Err(Fault::new(text).hint("a Pi 2, 3, 4, 5 or Zero 2 W will do"));
        }
        let found = Target::ALL
            .into_iter()
            .find(|target| target.architecture() == architecture);
        found.ok_or_else(other)
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(hex.as_bytes())
        .unwrap_or_default()
}

/// Reads what `getconf GNU_LIBC_VERSION` prints: `glibc 2.36`.
fn glibc(text: &str) -> Option<GlibcVersion> {
    let (major, minor) = text.strip_prefix("glibc ")?.split_once('.')?;
    Some(GlibcVersion(major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PI: &str = "uid=1000\nhostname=pi\nmachine=aarch64\nglibc=glibc 2.41\n\
        elf=7f454c4602010100000000000000000003 00b70001\nsystem=Debian\nsystemd=257\nid=ab\nsudo=yes\n";

    /// The first bytes of `/bin/true` of a Debian port.
    fn elf(class: u8, machine: u8, flags: &str) -> String {
        format!("7f454c46{class:02x}010100000000000000000003 00{machine:02x}0001000000{flags}")
            .replace(' ', "")
    }

    fn target(machine: &str, elf: &str) -> String {
        let mut facts = Facts::parse(PI).unwrap();
        machine.clone_into(&mut facts.machine);
        facts.elf = bytes(elf);
        match facts.target() {
            Ok(target) => target.to_string(),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn what_runs_decides_and_not_the_kernel() {
        let arm = "0000000034000000000000000004000534002000";
        assert_eq!(target("aarch64", &elf(2, 0xb7, "")), "aarch64");
        assert_eq!(target("x86_64", &elf(2, 0x3e, "")), "x86_64");
        assert_eq!(target("armv7l", &elf(1, 0x28, arm)), "armv7");
        assert_eq!(target("aarch64", &elf(1, 0x28, arm)), "armv7");
        assert!(target("armv6l", &elf(1, 0x28, arm)).contains("ARMv7 and newer"));
        assert!(target("riscv64", &elf(2, 0xf3, "")).contains("no broker for riscv64"));
    }

    #[test]
    fn a_system_without_systemd_or_with_an_old_one_is_refused() {
        let without = Facts::parse(&PI.replace("systemd=257\n", "")).unwrap();
        assert!(
            without
                .target()
                .unwrap_err()
                .to_string()
                .contains("does not run systemd")
        );
        let old = Facts::parse(&PI.replace("257", "241")).unwrap();
        assert!(
            old.target()
                .unwrap_err()
                .to_string()
                .contains("has systemd 241")
        );
    }

    #[test]
    fn values_are_read() {
        let facts = Facts::parse(PI).unwrap();
        assert_eq!(
            (facts.uid, facts.glibc, facts.has_sudo),
            (1000, Some(GlibcVersion(2, 41)), true)
        );
        assert_eq!((facts.hostname.as_str(), facts.id.as_str()), ("pi", "ab"));
    }
}
