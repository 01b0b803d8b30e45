//! The names of the modules in an initrd.
//!
//! Debian's initramfs-tools puts what is compressed already, modules among it, into an archive of its
//! own that is not compressed again and comes first: nothing needs unpacking to list them.

use std::collections::BTreeSet;

use super::drivers::module_name;

/// `newc`, without and with checksums: a magic and 13 fields of 8 hexadecimal digits.
const MAGICS: [&[u8]; 2] = [b"070701", b"070702"];
const HEADER: usize = 110;
const FILE_SIZE: usize = 54;
const NAME_SIZE: usize = 94;

/// Returns the names of all modules in the uncompressed archives at the beginning of `initrd`.
///
/// # Errors
///
/// [`InitrdError`] if there is no such archive, or if it is torn.
pub fn modules(initrd: &[u8]) -> Result<BTreeSet<String>, InitrdError> {
    let mut names = BTreeSet::new();
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
        at = archive(initrd, at, &mut names)?;
        archives += 1;
    }
    if archives == 0 {
        return Err(InitrdError::Compressed);
    }
    Ok(names)
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
    /// It begins with something compressed.
    #[error("it does not begin with an uncompressed cpio archive")]
    Compressed,
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

    #[test]
    fn an_initrd_that_is_compressed_throughout_or_torn_is_an_error_and_not_an_empty_list() {
        let torn = entry("a.ko", b"elf");

        assert_eq!(modules(&[0x1F, 0x8B, 8]), Err(InitrdError::Compressed));
        assert_eq!(modules(&torn), Err(InitrdError::Torn { at: torn.len() }));
    }
}
