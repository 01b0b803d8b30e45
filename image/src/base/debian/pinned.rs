//! A base whose packages are settled, and the digest that names it in the cache.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::debs::{self, Fetched};
use super::error::DebianError;
use super::inputs::{CUSTOMIZE_HOOK, DPKG_OPTIONS, DebianBase, ESSENTIAL_HOOK, SOURCE_DATE_EPOCH};
use super::packages::PackageSet;
use crate::{Progress, hex};

/// Raised whenever the same packages and hooks would give another image (partition table, checks).
const LAYOUT_VERSION: u32 = 2;

/// A base made of exactly these packages: the same ones give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedBase {
    pub(super) base: DebianBase,
    pub(super) packages: PackageSet,
    sha256: [u8; 32],
}

impl PinnedBase {
    pub(super) fn new(base: DebianBase, packages: PackageSet) -> Self {
        let sha256 = sha256(&base, &packages);
        Self {
            base,
            packages,
            sha256,
        }
    }

    /// What was asked for.
    pub fn base(&self) -> &DebianBase {
        &self.base
    }

    /// What it is made of.
    pub fn packages(&self) -> &PackageSet {
        &self.packages
    }

    /// A digest of all inputs, 16 hexadecimal digits: the same inputs, the same base.
    ///
    /// The mirrors are among them, since the card's own apt is told to use them.
    pub fn digest(&self) -> String {
        hex(&self.sha256[..8])
    }

    /// The file name in the cache: `debian-trixie-arm64-<digest>.img`.
    pub fn file_name(&self) -> String {
        format!(
            "{}-{}-{}.img",
            self.base.suite().base_name(),
            self.base.architecture(),
            self.digest()
        )
    }

    /// Where the base lies in a cache once it is built.
    pub fn path_in(&self, cache: &Path) -> PathBuf {
        cache.join("bases").join(self.file_name())
    }

    /// Downloads the .debs that are not in the cache, so that the base can be built without a network.
    ///
    /// # Errors
    ///
    /// [`DebianError::Gone`] names the packages that no mirror has in this version any more.
    pub fn fetch(&self, cache: &Path, progress: &mut dyn Progress) -> Result<Fetched, DebianError> {
        let base = &self.base;
        let architecture = base.architecture();
        debs::fetch(&self.packages, architecture, &base.sources, cache, progress)
    }

    /// The MBR's disk id, from which every `PARTUUID` is made. Never 0, which means "none".
    pub(super) fn disk_id(&self) -> u32 {
        let digest = self.sha256;
        u32::from_le_bytes([digest[8], digest[9], digest[10], digest[11]]).max(1)
    }

    /// The UUID of the root file system, a version 8 one: its bits are up to whoever makes it.
    pub(super) fn root_uuid(&self) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.sha256[16..32]);
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
}

fn sha256(base: &DebianBase, packages: &PackageSet) -> [u8; 32] {
    let mut hash = Sha256::new();
    for input in [
        LAYOUT_VERSION.to_string(),
        SOURCE_DATE_EPOCH.to_string(),
        base.sources.lines(""),
        base.architecture().name().to_owned(),
        base.roots().join(","),
        packages.digest(),
        base.port.initrd_modules.join(","),
        DPKG_OPTIONS.join(","),
        ESSENTIAL_HOOK.to_owned(),
        CUSTOMIZE_HOOK.to_owned(),
    ] {
        hash.update(input.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::super::packages::tests::package;
    use super::super::suite::Suite;
    use super::*;
    use crate::Architecture;

    fn base(suite: Suite, architecture: Architecture) -> DebianBase {
        DebianBase::new(suite, architecture).unwrap()
    }

    fn set(version: &str) -> PackageSet {
        PackageSet::new([("sudo".to_owned(), package(version))]).unwrap()
    }

    #[test]
    fn the_digest_follows_the_inputs() {
        let arm64 = || base(Suite::Trixie, Architecture::Arm64);
        let digest = |base: DebianBase, version| base.pin(set(version)).digest();
        let this = digest(arm64(), "1.0");

        assert_eq!(this.len(), 16);
        assert_eq!(this, digest(arm64(), "1.0"));
        let more = arm64().with_packages(&["hostapd".to_owned()]).unwrap();
        for other in [
            digest(arm64(), "1.1"),
            digest(more, "1.0"),
            digest(arm64().with_mirror("http://mirror.example/debian"), "1.0"),
            digest(base(Suite::Bookworm, Architecture::Arm64), "1.0"),
            digest(base(Suite::Trixie, Architecture::Armhf), "1.0"),
        ] {
            assert_ne!(this, other);
        }
    }

    #[test]
    fn the_root_uuid_says_which_kind_it_is() {
        let uuid = base(Suite::Trixie, Architecture::Arm64)
            .pin(set("1.0"))
            .root_uuid();
        let groups: Vec<_> = uuid.split('-').map(str::len).collect();

        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'8', "version nibble of {uuid}");
        assert!(b"89ab".contains(&uuid.as_bytes()[19]), "variant of {uuid}");
    }

    #[test]
    fn the_cache_keeps_bases_apart_by_suite_architecture_and_digest() {
        let base = base(Suite::Bookworm, Architecture::Arm64).pin(set("1.0"));

        assert_eq!(
            base.path_in(Path::new("/c")),
            PathBuf::from(format!(
                "/c/bases/debian-bookworm-arm64-{}.img",
                base.digest()
            ))
        );
    }
}
