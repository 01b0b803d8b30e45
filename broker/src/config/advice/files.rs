//! Advice about passwords, and about files that others may read.

use std::path::Path;

use super::super::diagnostic::{Diagnostic, Place};
use crate::passwd::PasswordFile;

/// The fewest iterations of a hash that is not called weak: what Mosquitto 2.1 makes. 2.0 made 101.
const FEWEST_ITERATIONS: u32 = 1000;

/// The most names in one line.
const MOST_NAMES: usize = 5;

/// The users whose passwords are soon found out by whoever gets hold of the file.
pub(in super::super) fn hashes(file: &PasswordFile, place: &Place, advice: &mut Vec<Diagnostic>) {
    let weak: Vec<_> = file
        .entries()
        .filter(|(_, hash)| hash.iterations().get() < FEWEST_ITERATIONS)
        .map(|(name, _)| name)
        .collect();
    if weak.is_empty() {
        return;
    }
    let mut names = weak[..weak.len().min(MOST_NAMES)].join(", ");
    if weak.len() > MOST_NAMES {
        names = format!("{names} and {} more", weak.len() - MOST_NAMES);
    }
    let text = format!(
        "the password hashes of {names} are weak (fewer than {FEWEST_ITERATIONS} iterations): \
         set these passwords again"
    );
    advice.push(Diagnostic::new(place, text));
}

/// Says so if a secret file is readable by everybody on this machine.
pub(in super::super) fn readable_by_all(path: &Path, place: &Place, advice: &mut Vec<Diagnostic>) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(metadata) = path.metadata() else {
        return;
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        let text = format!(
            "every user of this machine has access to this file (mode {mode:04o}), which holds secrets: \
             `chmod o-rwx {}`",
            path.display()
        );
        advice.push(Diagnostic::new(place, text));
    }
}
