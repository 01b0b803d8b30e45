//! The question whether a card has the packages that it should have, asked to dpkg's own records.

use std::collections::BTreeMap;

use super::error::DebianError;
use super::packages::PackageSet;
use crate::Card;

/// Where dpkg keeps what is installed.
const STATUS: &str = "/var/lib/dpkg/status";

/// Checks that exactly `packages` are installed on `card`, in these versions.
pub(super) fn check(card: &Card, packages: &PackageSet) -> Result<(), DebianError> {
    let status = card.read(STATUS)?.unwrap_or_default();
    match difference(&String::from_utf8_lossy(&status), packages) {
        Some(difference) => Err(DebianError::NotAsPinned { difference }),
        None => Ok(()),
    }
}

/// The first package that is not as it should be.
fn difference(status: &str, packages: &PackageSet) -> Option<String> {
    let installed: BTreeMap<&str, (&str, &str)> = status.split("\n\n").filter_map(entry).collect();
    for (name, package) in packages.iter() {
        let wanted = (package.version.as_str(), "install ok installed");
        match installed.get(name) {
            Some(found) if *found == wanted => {}
            Some((version, state)) => {
                return Some(format!(
                    "{name} should be {} and is {version}, \"{state}\"",
                    package.version
                ));
            }
            None => return Some(format!("{name} {} is not installed", package.version)),
        }
    }
    let mut names = installed.keys();
    let more = names.find(|name| packages.find(name).is_none());
    more.map(|name| format!("{name} is installed besides"))
}

/// A package with its version and its state.
fn entry(stanza: &str) -> Option<(&str, (&str, &str))> {
    let field = |key: &str| {
        let mut lines = stanza.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
    };
    Some((field("Package")?, (field("Version")?, field("Status")?)))
}

#[cfg(test)]
mod tests {
    use super::super::packages::tests::set;
    use super::*;

    const STATUS: &str = "Package: less\nStatus: install ok installed\nVersion: 1.0\n\n\
                          Package: sudo\nStatus: install ok installed\nVersion: 2.0\n";

    #[test]
    fn what_is_installed_must_be_what_was_locked_no_more_and_no_less() {
        let both = [("less", "1.0"), ("sudo", "2.0")];
        assert_eq!(difference(STATUS, &set(&both)), None);
        let difference = |packages: &[_]| difference(STATUS, &set(packages)).unwrap();
        assert_eq!(difference(&both[..1]), "sudo is installed besides");
        assert_eq!(
            difference(&[both[0], both[1], ("nano", "3.0")]),
            "nano 3.0 is not installed"
        );
        assert_eq!(
            difference(&[both[0], ("sudo", "2.1")]),
            "sudo should be 2.1 and is 2.0, \"install ok installed\""
        );
    }

    #[test]
    fn a_package_that_is_only_unpacked_is_not_installed() {
        let status = STATUS.replace(
            "install ok installed\nVersion: 2.0",
            "install ok unpacked\nVersion: 2.0",
        );
        let found = difference(&status, &set(&[("less", "1.0"), ("sudo", "2.0")]));
        assert_eq!(
            found.unwrap(),
            "sudo should be 2.0 and is 2.0, \"install ok unpacked\""
        );
    }
}
