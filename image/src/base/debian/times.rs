//! The dates in a new root file system that say when it was made: they must not, or no two builds are equal.
//!
//! mke2fs takes each file's time of change and of access from the folder that it copies, and nobody can set
//! the first of them there.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::error::DebianError;
use crate::ext4::{self, WriteError};
use crate::mbr::Partition;
use crate::process;

/// The root directory's; the others below 11 are the file system's own.
const ROOT: u32 = 2;
const FIRST: u32 = 11;

/// Sets the times of change and access of every inode in use to `seconds`.
pub(super) fn settle(image: &Path, root: &Partition, seconds: u64) -> Result<(), DebianError> {
    let dump = e2fsprogs("dumpe2fs", &[], image, root, seconds, "")?;
    let mut script = String::new();
    for inode in used(&dump) {
        for field in ["ctime", "atime"] {
            // Writing to a string doesn't fail.
            let _ = writeln!(script, "sif <{inode}> {field} @{seconds}");
        }
    }
    e2fsprogs("debugfs", &["-w", "-f", "-"], image, root, seconds, &script)?;
    Ok(())
}

/// Runs a tool on the file system and returns its output. Anything that it complains of is an error: debugfs
/// exits with success whatever its commands did.
fn e2fsprogs(
    program: &'static str,
    options: &[&str],
    image: &Path,
    root: &Partition,
    seconds: u64,
    input: &str,
) -> Result<String, DebianError> {
    // By its name alone, since these tools give a meaning to characters that the folder may have.
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    let finished = process::run(
        Command::new(ext4::tool(program)?.path)
            .args(options)
            .arg(format!("{name}?offset={}", root.offset()))
            .current_dir(image.parent().unwrap_or(Path::new(".")))
            .env("E2FSPROGS_FAKE_TIME", seconds.to_string())
            .env("SOURCE_DATE_EPOCH", seconds.to_string()),
        input.as_bytes(),
    )?;
    let introduction = format!("{program} 1.");
    let complaint = finished
        .stderr
        .lines()
        .find(|line| !line.starts_with(&introduction) && !line.trim().is_empty());
    match complaint {
        Some(line) => Err(WriteError::Refused {
            complaint: line.trim().to_owned(),
        }
        .into()),
        None if finished.status.success() => {
            Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
        }
        None => Err(finished.failure().into()),
    }
}

/// The inodes in use, from what dumpe2fs says of those that are free.
fn used(dump: &str) -> Vec<u32> {
    let count = dump
        .lines()
        .find_map(|line| line.strip_prefix("Inode count:")?.trim().parse().ok())
        .unwrap_or(0);
    let mut used = Vec::new();
    let mut next = FIRST;
    for (first, last) in free(dump) {
        used.extend(next..first.max(next));
        next = next.max(last.saturating_add(1));
    }
    used.extend(next..=count);
    used.push(ROOT);
    used
}

/// The ranges of free inodes, each group's as `Free inodes: 15487-15488, 15490`.
fn free(dump: &str) -> impl Iterator<Item = (u32, u32)> {
    let lines = dump
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Free inodes:"));
    lines.flat_map(|line| line.split(',')).filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;
    use crate::mbr::{PartitionType, Sectors};

    const WHEN: u64 = 1_754_697_600;

    #[test]
    fn inodes_in_use_are_those_that_are_not_free() {
        let dump = "Inode count:              40\n  Free inodes: 15-20\n  Free inodes: 22, 30-39\n";
        assert_eq!(
            used(dump),
            [11, 12, 13, 14, 21, 23, 24, 25, 26, 27, 28, 29, 40, 2]
        );
        assert_eq!(used("Inode count: 12\n  Free inodes: \n"), [11, 12, 2]);
    }

    /// A file system of `tree` with an offset, as the hook makes it.
    fn made(tree: &Path, image: &Path, root: &Partition) {
        fs::File::create(image)
            .and_then(|file| file.set_len(12 << 20))
            .unwrap();
        let mut mke2fs = Command::new(ext4::tool("mke2fs").unwrap().path);
        let finished = process::run(
            mke2fs
                .args(["-q", "-t", "ext4", "-b", "4096", "-I", "256"])
                .args(["-U", "11111111-1111-8111-8111-111111111111", "-E"])
                .arg(format!(
                    "offset={},root_owner=0:0,hash_seed=11111111-1111-8111-8111-111111111111",
                    root.offset()
                ))
                .arg("-d")
                .args([tree, image])
                .arg("8M")
                .env("E2FSPROGS_FAKE_TIME", WHEN.to_string()),
            &[],
        );
        assert!(finished.unwrap().status.success());
    }

    #[test]
    fn two_file_systems_of_one_tree_are_equal_whenever_they_were_made() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir_all(tree.join("etc/empty")).unwrap();
        fs::File::create(tree.join("etc/motd")).unwrap();
        std::os::unix::fs::symlink("motd", tree.join("etc/link")).unwrap();
        let root = Partition {
            number: 2,
            kind: PartitionType::LINUX,
            bootable: false,
            start: Sectors::new(2048),
            length: Sectors::new(16384),
        };
        let images = ["one", "two"].map(|name| folder.path().join(name));
        for image in &images {
            // The same time of modification, but another one of change.
            for path in ["etc/motd", "etc"] {
                let times = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
                let file = fs::File::open(tree.join(path)).unwrap();
                file.set_times(times).unwrap();
            }
            made(&tree, image, &root);
            sleep(Duration::from_millis(1100));
        }
        let read = || images.each_ref().map(|image| fs::read(image).unwrap());
        let [one, two] = read();
        assert_ne!(one, two, "the test has nothing to show");
        for image in &images {
            settle(image, &root, WHEN).unwrap();
        }
        let [one, two] = read();
        assert!(one == two);
        ext4::fsck(&images[0], &root).unwrap();
    }
}
