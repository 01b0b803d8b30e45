//! Files with settings that somebody has put on the FAT partition after an image was made.

use data_encoding::HEXLOWER;
use image::Card;
use image::system::{Fate, SeedFile};
use image::verify::{Checked, Status};
use sha2::{Digest, Sha256};

use super::report::Baking;

/// The files with settings on `card` that `baking` doesn't have, or has otherwise.
///
/// A report of an older version doesn't say what the base brought: then only those count that a boot acts on.
pub fn additions(card: &Card, baking: &Baking) -> anyhow::Result<Vec<Checked>> {
    let mut found = Vec::new();
    for file in card.seed_files().map_err(image::Error::from)? {
        let what = match &baking.first_boot_files {
            None if file.fate == Fate::Ignored => None,
            None => (!is_written(baking, &file.path)).then_some("the report doesn't have it"),
            Some(known) => match known.iter().find(|known| known.path == file.path) {
                None => Some("it was added after the image was made"),
                // What was written is compared with the rest of the report.
                Some(_) if is_written(baking, &file.path) => None,
                Some(known) if known.sha256 == "secret" => None,
                Some(known) if known.sha256 == digest(card, &file.path)? => None,
                Some(_) => Some("it was changed after the image was made"),
            },
        };
        found.extend(what.map(|what| finding(&file, what)));
    }
    Ok(found)
}

fn is_written(baking: &Baking, path: &str) -> bool {
    let written = &baking.report.written;
    written.iter().any(|written| {
        written.path == path && matches!(written.content, image::Content::File { .. })
    })
}

fn digest(card: &Card, path: &str) -> anyhow::Result<String> {
    let bytes = card.read(path).map_err(image::Error::from)?;
    Ok(HEXLOWER.encode(&Sha256::digest(bytes.unwrap_or_default())))
}

fn finding(file: &SeedFile, what: &str) -> Checked {
    const MOST: usize = 8;
    let fate = match file.fate {
        Fate::Applied => "a boot acts on it",
        Fate::Ignored => "nothing on this card reads it",
    };
    let names: Vec<_> = file
        .settings
        .iter()
        .take(MOST)
        .map(String::as_str)
        .collect();
    Checked {
        what: file.path.clone(),
        status: Status::Differs,
        why: format!("{what}, and {fate}; it sets {}", names.join(", ")),
    }
}
