//! The archives that packages come from, as apt's `sources.list` has them.

use super::suite::Suite;

/// Debian's own, which answers from somewhere near.
const MAIN: &str = "http://deb.debian.org/debian";
/// Security updates have an archive of their own.
const SECURITY: &str = "http://security.debian.org/debian-security";
/// Firmware of Raspberry Pis and Wi-Fi chips is not free software; `contrib` has what needs it.
const COMPONENTS: &str = "main contrib non-free-firmware";
/// How paths of the security archive begin.
const UPDATES: &str = "pool/updates/";

/// A release of Debian with its updates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sources {
    pub(super) suite: Suite,
    pub(super) mirror: Option<String>,
    pub(super) security_mirror: Option<String>,
}

impl Sources {
    fn main(&self) -> &str {
        self.mirror.as_deref().unwrap_or(MAIN)
    }

    fn security(&self) -> &str {
        self.security_mirror.as_deref().unwrap_or(SECURITY)
    }

    /// The lines of `sources.list`, each with `options`, as in `[signed-by=FILE] `.
    pub(super) fn lines(&self, options: &str) -> String {
        let suite = self.suite;
        [
            (self.main(), suite.to_string()),
            (self.main(), format!("{suite}-updates")),
            (self.security(), format!("{suite}-security")),
        ]
        .map(|(archive, suite)| format!("deb {options}{archive} {suite} {COMPONENTS}"))
        .join("\n")
    }

    /// The addresses at which a package may be, the likeliest first. What the security archive had moves
    /// to the main one with a point release, and leaves it some time later.
    pub(super) fn addresses(&self, path: &str) -> Vec<String> {
        match path.strip_prefix(UPDATES) {
            Some(rest) => vec![
                format!("{}/{path}", self.security()),
                format!("{}/pool/{rest}", self.main()),
            ],
            None => vec![format!("{}/{path}", self.main())],
        }
    }
}

/// Whether a path is one of the security archive's.
pub(super) fn is_security(path: &str) -> bool {
    path.starts_with(UPDATES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_gets_updates_and_security_updates_from_the_mirrors_that_were_named() {
        let sources = Sources {
            suite: Suite::Bookworm,
            mirror: Some("http://mirror.example/debian".to_owned()),
            security_mirror: None,
        };
        assert_eq!(
            sources.lines(""),
            "deb http://mirror.example/debian bookworm main contrib non-free-firmware\n\
             deb http://mirror.example/debian bookworm-updates main contrib non-free-firmware\n\
             deb http://security.debian.org/debian-security bookworm-security main contrib non-free-firmware"
        );
        assert_eq!(
            sources.addresses("pool/updates/main/s/sudo/sudo_1_arm64.deb"),
            [
                "http://security.debian.org/debian-security/pool/updates/main/s/sudo/sudo_1_arm64.deb",
                "http://mirror.example/debian/pool/main/s/sudo/sudo_1_arm64.deb"
            ]
        );
    }
}
