//! The names of the modules in an initrd.
//!
//! Debian's initramfs-tools puts what is compressed already, as trixie's modules are, into an archive of its
//! own that is not compressed again and comes first. bookworm's modules are in the compressed one behind it.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::drivers::module_name;

/// `newc`, without and with checksums: a magic and 13 fields of 8 hexadecimal digits.
const MAGICS: [&[u8]; 2] = [b"070701", b"070702"];
const HEADER: usize = 110;
const FILE_SIZE: usize = 54;
const NAME_SIZE: usize = 94;
/// The first bytes of what is compressed with gzip.
const GZIP: [u8; 2] = [0x1F, 0x8B];
/// No initrd for a card is larger when it is unpacked; those of bases have 20 MiB.
const MOST: u64 = 512 << 20;

/// Returns the names of all modules in the uncompressed archives at the beginning of `initrd`, and in what
/// follows them if that is compressed with gzip.
///
/// # Errors
///
/// [`InitrdError`] if there is no such archive, or if it is torn.
pub fn modules(initrd: &[u8]) -> Result<BTreeSet<String>, InitrdError> {
    let mut names = BTreeSet::new();
    let (archives, end) = archives(initrd, &mut names)?;
    let rest = &initrd[end..];
    if rest.starts_with(&GZIP) {
        archives_in_gzip(rest, &mut names)?;
    } else if archives == 0 {
        return Err(InitrdError::Compressed);
    }
    Ok(names)
}

fn archives_in_gzip(packed: &[u8], names: &mut BTreeSet<String>) -> Result<(), InitrdError> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(packed)
        .take(MOST)
        .read_to_end(&mut unpacked)
        .or(Err(InitrdError::Gzip))?;
    match archives(&unpacked, names)? {
        (0, _) => Err(InitrdError::Gzip),
        _ => Ok(()),
    }
}

/// Reads the archives at the beginning of `initrd`; returns how many there are, and where the last one ends.
fn archives(initrd: &[u8], names: &mut BTreeSet<String>) -> Result<(usize, usize), InitrdError> {
    let mut at = 0;
    let mut archives = 0;
    loop {
        // Archives are padded with zeros to whatever their maker liked.
        while initrd.get(at) == Some(&0) {
            at += 1;
        }
        let begins_archive = MAGICS
            .iter()
            .any(|magic| initrd.get(at..).is_some_and(|rest| rest.starts_with(magic)));
        if !begins_archive {
            break;
        }
        at = archive(initrd, at, names)?;
        archives += 1;
    }
    Ok((archives, at))
}

/// Reads one archive from `at` on, and returns where it ends.
fn archive(
    initrd: &[u8],
    mut at: usize,
    names: &mut BTreeSet<String>,
) -> Result<usize, InitrdError> {
    loop {
        let torn = InitrdError::Torn { at };
        let header = initrd.get(at..at + HEADER).ok_or(torn)?;
        if !MAGICS.iter().any(|magic| header.starts_with(magic)) {
            return Err(torn);
        }
        let size = hex(header, FILE_SIZE).ok_or(torn)?;
        let name_size = hex(header, NAME_SIZE).ok_or(torn)?;
        let name = initrd
            .get(at + HEADER..at + HEADER + name_size)
            .and_then(|name| name.strip_suffix(b"\0"))
            .ok_or(torn)?;
        at = (at + HEADER + name_size).next_multiple_of(4);
        at = (at + size).next_multiple_of(4);
        if name == b"TRAILER!!!" {
            return Ok(at);
        }
        let name = String::from_utf8_lossy(name);
        if name.contains(".ko") && size > 0 {
            names.insert(module_name(&name));
        }
    }
}

fn hex(header: &[u8], at: usize) -> Option<usize> {
    let digits = std::str::from_utf8(header.get(at..at + 8)?).ok()?;
    usize::from_str_radix(digits, 16).ok()
}

/// Why an initrd could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InitrdError {
    /// It begins with something compressed, and not with gzip.
    #[error("it begins neither with a cpio archive nor with one that is compressed with gzip")]
    Compressed,
    /// What is compressed with gzip can't be unpacked, or is no archive.
    #[error("what is compressed with gzip in it is damaged, or no cpio archive")]
    Gzip,
    /// An archive ends too early or is damaged.
    #[error("its archive is torn at byte {at}")]
    Torn {
        /// Where the broken entry begins.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, data: &[u8]) -> Vec<u8> {
        let mut entry = b"070701".to_vec();
        for field in 0..13 {
            let value = match field {
                6 => data.len(),
                11 => name.len() + 1,
                _ => 0,
            };
            entry.extend(format!("{value:08X}").bytes());
        }
        entry.extend(name.bytes());
        entry.push(0);
        entry.resize(entry.len().next_multiple_of(4), 0);
        entry.extend(data);
        entry.resize(entry.len().next_multiple_of(4), 0);
        entry
    }

    #[test]
    fn modules_of_all_leading_archives_are_found_and_the_compressed_rest_is_left() {
        let mut initrd = entry("usr/lib/modules/6.12/kernel/mmc/sdhci-iproc.ko.xz", b"xz");
        initrd.extend(entry("TRAILER!!!", b""));
        initrd.resize(512, 0);
        initrd.extend(entry("usr/lib/modules/6.12/kernel/ext4.ko", b"elf"));
        initrd.extend(entry("etc/modprobe.d", b""));
        initrd.extend(entry("TRAILER!!!", b""));
        initrd.extend([0x28, 0xB5, 0x2F, 0xFD, 1, 2, 3]);
        let names = modules(&initrd).unwrap();

        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["ext4", "sdhci_iproc"]
        );
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packer, bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn modules_that_are_compressed_with_everything_else_are_found_too() {
        let mut plain = entry("usr/lib/modules/6.1/kernel/mmc/sdhci-iproc.ko", b"elf");
        plain.extend(entry("TRAILER!!!", b""));
        let mut front = entry("kernel/x86/microcode", b"x");
        front.extend(entry("TRAILER!!!", b""));
        front.resize(512, 0);
        front.extend(gzip(&plain));
        for initrd in [gzip(&plain), front] {
            let names = modules(&initrd).unwrap();
            assert_eq!(names.into_iter().collect::<Vec<_>>(), ["sdhci_iproc"]);
        }
    }

    #[test]
    fn an_initrd_that_is_compressed_throughout_or_torn_is_an_error_and_not_an_empty_list() {
        let torn = entry("a.ko", b"elf");

        let zstandard = [0x28, 0xB5, 0x2F, 0xFD];

        assert_eq!(modules(&zstandard), Err(InitrdError::Compressed));
        assert_eq!(modules(&[0x1F, 0x8B, 8]), Err(InitrdError::Gzip));
        assert_eq!(modules(&gzip(b"no archive")), Err(InitrdError::Gzip));
        assert_eq!(modules(&torn), Err(InitrdError::Torn { at: torn.len() }));
    }
}
