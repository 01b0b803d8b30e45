//! The releases of Debian that a base can be made of, and what differs between them.

use std::fmt;

/// A release of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// Debian 12.
    Bookworm,
    /// Debian 13, the stable one.
    Trixie,
}

impl Suite {
    /// All of them, the oldest first.
    pub const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];
    /// The one that is meant where none is named.
    pub const STABLE: Self = Self::Trixie;

    /// Debian's code name: `trixie`.
    pub const fn codename(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// What a base of it is called: `debian-trixie`.
    pub const fn base_name(self) -> &'static str {
        match self {
            Self::Bookworm => "debian-bookworm",
            Self::Trixie => "debian-trixie",
        }
    }

    /// The release that `name` means: `debian` is the stable one, `debian-bookworm` says which.
    pub fn of_base(name: &str) -> Option<Self> {
        if name == "debian" {
            return Some(Self::STABLE);
        }
        Self::ALL
            .into_iter()
            .find(|suite| suite.base_name() == name)
    }

    /// Where the package kmod has `depmod`. From trixie on packages name their files below /usr.
    pub(super) const fn depmod(self) -> &'static str {
        match self {
            Self::Bookworm => "/sbin/depmod",
            Self::Trixie => "/usr/sbin/depmod",
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.codename())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_named_by_its_release_and_the_stable_one_also_by_none() {
        let of = |name| Suite::of_base(name).map(Suite::codename);

        assert_eq!(of("debian"), Some("trixie"));
        assert_eq!(of("debian-trixie"), Some("trixie"));
        assert_eq!(of("debian-bookworm"), Some("bookworm"));
        assert_eq!([of("trixie"), of("debian-sid"), of("Debian")], [None; 3]);
    }
}
