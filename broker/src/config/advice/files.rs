//! Advice about files that others may read.

use std::path::Path;

use super::super::diagnostic::{Diagnostic, Place};

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
