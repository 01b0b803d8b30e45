//! What a base is asked to be.

use super::error::DebianError;
use super::packages::{PackageSet, is_package_name};
use super::pinned::PinnedBase;
use super::port::Port;
use super::sources::Sources;
use super::suite::Suite;
use crate::Architecture;
use crate::boards::Board;

/// 2025-08-09T00:00:00Z, when trixie was released: no file of a base is newer than that.
pub(super) const SOURCE_DATE_EPOCH: u64 = 1_754_697_600;

pub(super) const ESSENTIAL_HOOK: &str = include_str!("hooks/essential.sh");
pub(super) const CUSTOMIZE_HOOK: &str = include_str!("hooks/customize.sh");

/// Installed on every base, beside the kernel and what is essential to Debian.
const PACKAGES: &[&str] = &[
    // What Debian has everywhere without calling it essential.
    "apt",
    "login",
    // The machine itself.
    "systemd",
    "systemd-sysv",
    "systemd-timesyncd",
    "udev",
    "dbus",
    "libpam-systemd",
    "kmod",
    "initramfs-tools",
    "raspi-firmware",
    "e2fsprogs",
    "dosfstools",
    "fdisk",
    "tzdata",
    // The network.
    "netbase",
    "iproute2",
    "iputils-ping",
    "network-manager",
    "wpasupplicant",
    "wireless-regdb",
    "rfkill",
    "firmware-brcm80211",
    "avahi-daemon",
    "libnss-mdns",
    // People.
    "openssh-server",
    "sudo",
    "procps",
    "less",
    "nano",
];

/// Options of dpkg, which hold for later upgrades on the Pi too: manuals and translations take more
/// room on a card, and more time to write, than the programs. `customize.sh` takes the first one back.
pub(super) const DPKG_OPTIONS: &[&str] = &[
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
    // Quirks of keyboards and the names of vendors: a minute of emulation for a computer without either.
    "path-exclude=/usr/lib/udev/hwdb.d/*",
];

/// A base image made of Debian's packages: which, not yet in what version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebianBase {
    pub(super) port: &'static Port,
    pub(super) sources: Sources,
    /// What every base has.
    pub(super) standard: &'static [&'static str],
    extra: Vec<String>,
}

impl DebianBase {
    /// Debian's release `suite` for `architecture`, from Debian's own mirrors; `None` for an architecture
    /// that no Raspberry Pi has.
    pub fn new(suite: Suite, architecture: Architecture) -> Option<Self> {
        Some(Self {
            port: Port::of(architecture)?,
            sources: Sources {
                suite,
                mirror: None,
                security_mirror: None,
            },
            standard: PACKAGES,
            extra: Vec::new(),
        })
    }

    /// The same base with its packages from another mirror: `http://mirror.example/debian`. The card is
    /// told to take its updates from there. Security updates have an archive of their own.
    #[must_use]
    pub fn with_mirror(mut self, mirror: impl Into<String>) -> Self {
        self.sources.mirror = Some(trimmed(mirror.into()));
        self
    }

    /// The same base with its security updates from another mirror.
    #[must_use]
    pub fn with_security_mirror(mut self, mirror: impl Into<String>) -> Self {
        self.sources.security_mirror = Some(trimmed(mirror.into()));
        self
    }

    /// The same base with `packages` installed besides.
    ///
    /// # Errors
    ///
    /// [`DebianError::PackageName`] if one of them can't be the name of a package. Whether there is one of
    /// that name shows when the base is resolved.
    pub fn with_packages(mut self, packages: &[String]) -> Result<Self, DebianError> {
        if let Some(name) = packages.iter().find(|name| !is_package_name(name)) {
            return Err(DebianError::PackageName { name: name.clone() });
        }
        self.extra.extend_from_slice(packages);
        self.extra.sort();
        self.extra.dedup();
        Ok(self)
    }

    /// The release.
    pub fn suite(&self) -> Suite {
        self.sources.suite
    }

    /// What its programs are compiled for.
    pub fn architecture(&self) -> Architecture {
        self.port.architecture
    }

    /// The boards that it boots on.
    pub fn boards(&self) -> &'static [Board] {
        self.port.boards
    }

    /// Where its packages come from, if it isn't Debian's own mirror.
    pub fn mirror(&self) -> Option<&str> {
        self.sources.mirror.as_deref()
    }

    /// The packages that are asked for by name, sorted; what they depend on comes besides.
    pub fn roots(&self) -> Vec<&str> {
        let mut roots = vec![self.port.kernel];
        roots.extend(self.standard);
        roots.extend(self.extra.iter().map(String::as_str));
        roots.sort_unstable();
        roots.dedup();
        roots
    }

    /// The base made of exactly these packages.
    pub fn pin(self, packages: PackageSet) -> PinnedBase {
        PinnedBase::new(self, packages)
    }
}

/// An address without the slash at its end, which would be doubled.
fn trimmed(mirror: String) -> String {
    match mirror.strip_suffix('/') {
        Some(short) => short.to_owned(),
        None => mirror,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm64() -> DebianBase {
        DebianBase::new(Suite::Trixie, Architecture::Arm64).unwrap()
    }

    #[test]
    fn packages_are_asked_for_once_each_and_in_order() {
        let more = ["hostapd", "sudo", "hostapd"].map(str::to_owned);
        let base = arm64().with_packages(&more).unwrap();
        let mut added = base.roots();
        added.retain(|name| !arm64().roots().contains(name));

        assert_eq!(added, ["hostapd"]);
        assert!(base.roots().is_sorted());
    }

    #[test]
    fn what_is_no_name_of_a_package_is_refused_before_apt_sees_it() {
        for name in [
            "-oAPT::X=y",
            "?essential",
            "sudo=1.0",
            "sudo:armhf",
            "Sudo",
            "s",
            "",
            "a b",
        ] {
            let error = arm64().with_packages(&[name.to_owned()]).unwrap_err();
            assert!(matches!(error, DebianError::PackageName { .. }), "{name}");
        }
    }
}
