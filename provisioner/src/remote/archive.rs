//! A payload as a tar archive, which is how it travels.

use anyhow::Context;
use image::{Entry, EntryPath, Kind, Overlay};
use tar::{Builder, EntryType, Header};
use zeroize::Zeroizing;

use crate::payload::CURRENT;

/// The last entry: an archive that was cut between two entries is whole to tar, and has it not.
const LAST: &str = "/.whole";

/// Packs `files`, all dated `modified` (seconds since 1970). The link to the current release is left
/// out: to turn it is the last step and not a matter of unpacking.
pub(super) fn pack(files: &Overlay, modified: u32) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut builder = Builder::new(Vec::new());
    for (path, entry) in files.iter().filter(|(path, _)| path.as_str() != CURRENT) {
        append(&mut builder, path, entry, modified).with_context(|| format!("packing {path}"))?;
    }
    let whole = EntryPath::new(LAST).context("packing the last entry")?;
    append(
        &mut builder,
        &whole,
        &Entry::file("", 0o600, "push"),
        modified,
    )
    .context("packing the last entry")?;
    let bytes = builder.into_inner().context("packing the files")?;
    Ok(Zeroizing::new(bytes))
}

fn append(
    builder: &mut Builder<Vec<u8>>,
    path: &EntryPath,
    entry: &Entry,
    modified: u32,
) -> std::io::Result<()> {
    let relative = &path.as_str()[1..];
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_uid(entry.owner.uid.into());
    header.set_gid(entry.owner.gid.into());
    header.set_mtime(modified.into());
    header.set_size(0);
    match &entry.kind {
        Kind::File(bytes) => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, relative, bytes.as_slice())
        }
        Kind::Directory => {
            header.set_entry_type(EntryType::Directory);
            builder.append_data(&mut header, relative, std::io::empty())
        }
        Kind::Symlink(target) => {
            header.set_entry_type(EntryType::Symlink);
            builder.append_link(&mut header, relative, target)
        }
        // Only cards are cleaned of what their base has.
        Kind::Absent => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_itself_reads_what_was_packed() {
        let mut files = Overlay::new();
        let long = format!("/opt/{}/file", "x".repeat(120));
        for (path, entry) in [
            ("/etc/a b", Entry::file("text", 0o600, "test")),
            ("/etc/link", Entry::symlink("../elsewhere", "test")),
            (long.as_str(), Entry::file("", 0o755, "test")),
            (CURRENT, Entry::symlink("releases/x", "test")),
        ] {
            files.insert(EntryPath::new(path).unwrap(), entry).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive.tar");
        crate::fsio::write_atomic(
            &archive,
            &pack(&files, 0).unwrap(),
            crate::fsio::Access::Private,
        )
        .unwrap();
        let listed = std::process::Command::new("tar")
            .args([
                "--list",
                "--verbose",
                "--numeric-owner",
                "--utc",
                "--full-time",
                "--file",
            ])
            .arg(&archive)
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout)
            .unwrap()
            .replace(&"x".repeat(120), "LONG");
        insta::assert_snapshot!(listed, @r"
        -rw------- 0/0               4 1970-01-01 00:00:00 etc/a b
        lrwxrwxrwx 0/0               0 1970-01-01 00:00:00 etc/link -> ../elsewhere
        -rwxr-xr-x 0/0               0 1970-01-01 00:00:00 opt/LONG/file
        -rw------- 0/0               0 1970-01-01 00:00:00 .whole
        ");
    }
}
