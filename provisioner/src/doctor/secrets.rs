//! Who may read and write a site's files.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::check::{Checked, finding, quoted, well};
use super::registry::Surroundings;

/// What is in a site: more is no site, but perhaps a home folder that was named by mistake.
const MOST_FILES: usize = 100_000;

/// How many files a finding names; its cure names all.
const MOST_NAMED: usize = 3;

/// A file or folder of a site. A link is what it points to.
#[derive(Debug)]
pub(super) struct Found {
    /// Its path below the site's folder.
    pub(super) path: PathBuf,
    pub(super) meta: Metadata,
}

/// Everything in the folder `root` and the folder itself, sorted; links to folders and what git keeps are
/// not looked into.
pub(super) fn walk(root: &Path) -> anyhow::Result<Vec<Found>> {
    let looking = |path: &Path| format!("looking at {}", path.display());
    let meta = fs::metadata(root).with_context(|| looking(root))?;
    let mut found = vec![Found {
        path: PathBuf::new(),
        meta,
    }];
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let absolute = root.join(&folder);
        for entry in fs::read_dir(&absolute).with_context(|| looking(&absolute))? {
            let entry = entry.with_context(|| looking(&absolute))?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().with_context(|| looking(&entry.path()))?;
            // A link to nowhere, or a temporary file that was renamed meanwhile.
            let Ok(meta) = fs::metadata(entry.path()) else {
                continue;
            };
            if kind.is_dir() && entry.file_name() != ".git" {
                folders.push(path.clone());
            }
            if !(kind.is_symlink() && meta.is_dir()) {
                found.push(Found { path, meta });
            }
            if found.len() > MOST_FILES {
                bail!(
                    "there are more than {MOST_FILES} files in {}",
                    root.display()
                );
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// Whether every secret can be read by its owner alone.
pub(super) fn readable(around: &Surroundings<'_>) -> Checked {
    let files = walk(around.site)?;
    let secrets = files
        .iter()
        .filter(|file| file.meta.is_file() && is_secret(&file.path));
    let (open, closed): (Vec<_>, Vec<_>) = secrets.partition(|file| mode(file) & 0o077 != 0);
    if open.is_empty() {
        return well(format!(
            "{} secrets can be read by their owner alone",
            closed.len()
        ));
    }
    let (named, all) = (named(around.site, &open), all(around.site, &open));
    finding(
        format!("others than the owner have rights to secrets: {named}"),
        format!("chmod 600 {all}"),
    )
}

/// Whether somebody else could change who may do what.
pub(super) fn writable(around: &Surroundings<'_>) -> Checked {
    let files = walk(around.site)?;
    let open: Vec<_> = files
        .iter()
        .filter(|file| mode(file) & 0o002 != 0)
        .collect();
    if open.is_empty() {
        return well("no file and no folder can be written by everybody");
    }
    let (named, all) = (named(around.site, &open), all(around.site, &open));
    finding(
        format!("everybody may write: {named}"),
        format!("chmod o-w {all}"),
    )
}

fn mode(file: &Found) -> u32 {
    file.meta.permissions().mode() & 0o7777
}

fn named(root: &Path, files: &[&Found]) -> String {
    let shown = files
        .iter()
        .take(MOST_NAMED)
        .map(|file| format!("{} ({:04o})", place(root, file).display(), mode(file)));
    let shown: Vec<_> = shown.collect();
    let more = files.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    shown.join(", ") + &more
}

fn all(root: &Path, files: &[&Found]) -> String {
    let words = files
        .iter()
        .map(|file| quoted(&place(root, file).to_string_lossy()));
    words.collect::<Vec<_>>().join(" ")
}

/// Joined with an empty path, a folder would get a slash at its end.
fn place(root: &Path, file: &Found) -> PathBuf {
    if file.path.as_os_str().is_empty() {
        root.to_owned()
    } else {
        root.join(&file.path)
    }
}

/// Whether a file at this place in a site is nobody else's business.
fn is_secret(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    let ends = |suffix: &str| path.extension().is_some_and(|end| end == suffix);
    match parts.as_slice() {
        _ if ends("key") => true,
        [.., "passwd"] | ["passwords", _, ..] => true,
        ["hosts", _, name] => {
            name.starts_with("probe") || (name.starts_with("ssh_host_") && name.ends_with("_key"))
        }
        ["ssh", name] => name.starts_with("id_") && !ends("pub"),
        ["pki", "clients", ..] => ends("p12"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_place() {
        for secret in [
            "passwd",
            "passwords/owner",
            "pki/ca.key",
            "pki/clients/jane/phone.p12",
            "pki/clients/jane/jane.key",
            "hosts/broker/server.key",
            "hosts/broker/previous/server.key",
            "hosts/broker/ssh_host_ed25519_key",
            "hosts/broker/probe",
            "hosts/broker/probe.hash",
            "ssh/id_ed25519",
        ] {
            assert!(is_secret(Path::new(secret)), "{secret}");
        }
        for public in [
            "site.yaml",
            "pki/ca.crt",
            "pki/clients/jane/jane.crt",
            "hosts/broker/server.crt",
            "hosts/broker/ssh_host_ed25519_key.pub",
            "ssh/id_ed25519.pub",
            "ssh/authorized_keys",
        ] {
            assert!(!is_secret(Path::new(public)), "{public}");
        }
    }
}
