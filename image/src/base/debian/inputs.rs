//! Everything that decides what a base looks like, and the digest that names it in the cache.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::port::Port;
use crate::boards::Board;
use crate::{Architecture, hex};

/// Raised whenever the same packages and hooks would give another image (partition table, checks).
const LAYOUT_VERSION: u32 = 1;

/// 2025-08-09T00:00:00Z, when trixie was released: no file of a base is newer than that.
pub(super) const SOURCE_DATE_EPOCH: u64 = 1_754_697_600;

pub(super) const ESSENTIAL_HOOK: &str = include_str!("hooks/essential.sh");
pub(super) const CUSTOMIZE_HOOK: &str = include_str!("hooks/customize.sh");

/// Installed on every base, beside the kernel and what is essential to Debian.
const PACKAGES: &[&str] = &[
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

/// A base image made of Debian's packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebianBase {
    suite: String,
    pub(super) port: &'static Port,
    mirror: Option<String>,
}

impl DebianBase {
    /// Debian's stable release for `architecture`, from Debian's own mirror; `None` for an architecture
    /// that no Raspberry Pi has.
    pub fn new(architecture: Architecture) -> Option<Self> {
        Some(Self {
            suite: "trixie".to_owned(),
            port: Port::of(architecture)?,
            mirror: None,
        })
    }

    /// The same base with its packages from another mirror: `http://mirror.example/debian`.
    #[must_use]
    pub fn with_mirror(self, mirror: impl Into<String>) -> Self {
        Self {
            mirror: Some(mirror.into()),
            ..self
        }
    }

    /// The release: `trixie`.
    pub fn suite(&self) -> &str {
        &self.suite
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
        self.mirror.as_deref()
    }

    /// A digest of all inputs, 16 hexadecimal digits: the same inputs, the same base.
    ///
    /// A mirror is one of them, since the card's own apt is told to use it. The date is not, although
    /// packages are updated in a release: to get newer ones, remove the base from the cache.
    pub fn digest(&self) -> String {
        hex(&self.sha256()[..8])
    }

    /// The file name in the cache: `debian-trixie-arm64-<digest>.img`.
    pub fn file_name(&self) -> String {
        format!(
            "debian-{}-{}-{}.img",
            self.suite,
            self.architecture(),
            self.digest()
        )
    }

    /// Where the base lies in a cache once it is built.
    pub fn path_in(&self, cache: &Path) -> PathBuf {
        cache.join("bases").join(self.file_name())
    }

    /// The MBR's disk id, from which every `PARTUUID` is made. Never 0, which means "none".
    pub(super) fn disk_id(&self) -> u32 {
        let digest = self.sha256();
        u32::from_le_bytes([digest[8], digest[9], digest[10], digest[11]]).max(1)
    }

    /// The UUID of the root file system, a version 8 one: its bits are up to whoever makes it.
    pub(super) fn root_uuid(&self) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.sha256()[16..32]);
        bytes[6] = (bytes[6] & 0x0F) | 0x80;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ]
        .join("-")
    }

    /// The packages to install, joined by commas as mmdebstrap takes them.
    pub(super) fn packages(&self) -> String {
        let mut packages = vec![self.port.kernel];
        packages.extend(PACKAGES);
        packages.join(",")
    }

    fn sha256(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for input in [
            LAYOUT_VERSION.to_string(),
            self.mirror.clone().unwrap_or_default(),
            SOURCE_DATE_EPOCH.to_string(),
            self.suite.clone(),
            self.architecture().name().to_owned(),
            self.packages(),
            self.port.initrd_modules.join(","),
            DPKG_OPTIONS.join(","),
            ESSENTIAL_HOOK.to_owned(),
            CUSTOMIZE_HOOK.to_owned(),
        ] {
            hash.update(input.as_bytes());
            hash.update([0]);
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm64() -> DebianBase {
        DebianBase::new(Architecture::Arm64).unwrap()
    }

    #[test]
    fn the_digest_follows_the_inputs() {
        let base = arm64();
        let mirrored = base.clone().with_mirror("http://mirror.example/debian");
        let older = DebianBase {
            suite: "bookworm".to_owned(),
            ..base.clone()
        };
        let narrower = DebianBase::new(Architecture::Armhf).unwrap();

        assert_eq!(base.digest().len(), 16);
        assert_eq!(base.digest(), arm64().digest());
        assert_ne!(base.digest(), mirrored.digest());
        assert_ne!(base.digest(), older.digest());
        assert_ne!(base.digest(), narrower.digest());
    }

    #[test]
    fn the_root_uuid_says_which_kind_it_is() {
        let uuid = arm64().root_uuid();
        let groups: Vec<_> = uuid.split('-').map(str::len).collect();

        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'8', "version nibble of {uuid}");
        assert!(b"89ab".contains(&uuid.as_bytes()[19]), "variant of {uuid}");
    }

    #[test]
    fn the_cache_keeps_bases_of_one_suite_apart_by_architecture_and_digest() {
        let base = arm64();
        let path = base.path_in(Path::new("/c"));

        assert_eq!(
            path,
            PathBuf::from(format!(
                "/c/bases/debian-trixie-arm64-{}.img",
                base.digest()
            ))
        );
    }
}
