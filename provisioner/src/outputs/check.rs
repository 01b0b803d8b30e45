//! Whether two builds are the same, and where they are not.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::Context;

use super::make::Made;

/// The first place in which two files of one name are different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The file's name.
    pub name: String,
    /// The byte from which on they are different.
    pub offset: u64,
    /// On an image: the first path that was written differently, if it is one of those that were written.
    pub path: Option<String>,
}

/// Compares two builds file by file.
pub fn differences(one: &Made, other: &Made) -> anyhow::Result<Vec<Difference>> {
    let mut found = Vec::new();
    for ((name, first), (_, second)) in one.files().zip(other.files()) {
        let offset =
            first_difference(first, second).with_context(|| format!("comparing {name}"))?;
        found.extend(offset.map(|offset| {
            Difference {
                name: name.to_owned(),
                offset,
                path: (name == one.names.image())
                    .then(|| path(one, other))
                    .flatten(),
            }
        }));
    }
    Ok(found)
}

fn path(one: &Made, other: &Made) -> Option<String> {
    let (one, other) = (&one.report.report.written, &other.report.report.written);
    let pairs = one.iter().zip(other);
    let mut different = pairs.filter(|(one, other)| one != other);
    different.next().map(|(one, _)| one.path.clone())
}

fn first_difference(one: &Path, other: &Path) -> std::io::Result<Option<u64>> {
    const PIECE: usize = 1 << 20;
    let mut readers = [
        BufReader::new(File::open(one)?),
        BufReader::new(File::open(other)?),
    ];
    let mut buffers = [Vec::with_capacity(PIECE), Vec::with_capacity(PIECE)];
    let mut position = 0;
    loop {
        for (reader, buffer) in readers.iter_mut().zip(&mut buffers) {
            buffer.clear();
            reader.take(PIECE as u64).read_to_end(buffer)?;
        }
        let [one, other] = &buffers;
        if one != other {
            let same = one
                .iter()
                .zip(other)
                .take_while(|(one, other)| one == other)
                .count();
            return Ok(Some(position + same as u64));
        }
        if one.is_empty() {
            return Ok(None);
        }
        position += one.len() as u64;
    }
}
