//! What a build that was killed has left: copies as large as an image, with its keys in them.

use std::fs;
use std::path::Path;

use anyhow::Context;
use image::leftover;

use super::names::Names;
use crate::output::{Output, bytes};

/// Removes from `folder` the unfinished files of an image of these names, unless somebody is just making them.
pub fn sweep(names: &Names, folder: &Path, output: &Output) -> anyhow::Result<()> {
    let ours: Vec<_> = [names.image().to_owned(), names.sums()]
        .into_iter()
        .chain(names.companions())
        .collect();
    let (mut count, mut size) = (0, 0);
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours = name
            .to_str()
            .and_then(finished)
            .is_some_and(|name| ours.iter().any(|one| one == name));
        if is_ours {
            let path = entry.path();
            let removed = leftover::remove_abandoned(&path)
                .with_context(|| format!("removing {}", path.display()))?;
            count += usize::from(removed.is_some());
            size += removed.unwrap_or(0);
        }
    }
    if count > 0 {
        let files = if count == 1 { "file" } else { "files" };
        output.status(&format!(
            "Removed {count} unfinished {files} of a build that was cut short ({})",
            bytes(size)
        ));
    }
    Ok(())
}

/// `pi.img` for `.pi.img.aB3xyz.part`.
fn finished(name: &str) -> Option<&str> {
    let (name, random) = name
        .strip_prefix('.')?
        .strip_suffix(".part")?
        .rsplit_once('.')?;
    (random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_called_like_an_unfinished_file_is_one() {
        assert_eq!(finished(".pi.img.aB3xyz.part"), Some("pi.img"));
        assert_eq!(finished(".pi.img.zst.aB3xyz.part"), Some("pi.img.zst"));
        for other in [
            "pi.img.aB3xyz.part",
            ".pi.img.part",
            ".pi.img.a-3xyz.part",
            ".part",
        ] {
            assert_eq!(finished(other), None, "{other}");
        }
    }
}
