//! What the files of `/sys` say of one block device.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::disk::Bus;

/// The disk whose boot or replay-protected area has this name: `mmcblk0boot0` is of `mmcblk0`.
pub(super) fn emmc_area_of(name: &str) -> Option<String> {
    let digits = name.strip_prefix("mmcblk")?;
    let end = digits.find(|letter: char| !letter.is_ascii_digit())?;
    let area = &digits[end..];
    let known = ["boot", "rpmb", "gp"];
    known
        .iter()
        .any(|kind| area.starts_with(kind))
        .then(|| format!("mmcblk{}", &digits[..end]))
}

/// How a device is connected.
pub(super) fn bus(name: &str, folder: &Path) -> Bus {
    let has = |start: &str| {
        folder
            .components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with(start))
    };
    if name.starts_with("mmcblk") {
        let kind = text(&folder.join("device/type")).unwrap_or_default();
        if kind.starts_with("SD") {
            Bus::Sd
        } else {
            Bus::Emmc
        }
    } else if name.starts_with("loop") {
        Bus::Loop
    } else if has("usb") {
        Bus::Usb
    } else if name.starts_with("nvme") {
        Bus::Nvme
    } else if name.starts_with("vd") || has("virtio") {
        Bus::Virtio
    } else if name.starts_with("sd") {
        Bus::Sata
    } else {
        Bus::Other
    }
}

/// Who made it and what it is called.
pub(super) fn model(folder: &Path) -> Option<String> {
    let at = |file: &str| text(&folder.join("device").join(file));
    let model = at("model").or_else(|| at("name"))?;
    // The makers of cards and of NVMe disks are numbers.
    let vendor = at("vendor").filter(|vendor| !vendor.starts_with("0x"));
    Some(match vendor {
        Some(vendor) => format!("{vendor} {model}"),
        None => model,
    })
}

/// The kernel counts in units of 512 bytes, whatever the disk does.
pub(super) fn bytes(folder: &Path) -> u64 {
    let sectors = text(&folder.join("size")).and_then(|text| text.parse::<u64>().ok());
    sectors.unwrap_or(0).saturating_mul(512)
}

/// What a loop device shows as a disk: the path of a file, or of another device.
pub(super) fn backing(folder: &Path) -> Option<PathBuf> {
    let bytes = fs::read(folder.join("loop/backing_file")).ok()?;
    let path = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    (!path.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(path)))
}

/// The one line of a file, if there is something in it.
pub(super) fn text(path: &Path) -> Option<String> {
    printable(&String::from_utf8_lossy(&fs::read(path).ok()?))
}

/// What a disk says of itself is printed on terminals, and anybody can make a disk.
pub(super) fn printable(text: &str) -> Option<String> {
    let shown: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    (!shown.is_empty()).then_some(shown)
}

/// The names in a folder, sorted.
pub(super) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect();
    let mut names = entries?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_of_an_emmc_are_told_from_cards_and_partitions() {
        assert_eq!(emmc_area_of("mmcblk0boot1").as_deref(), Some("mmcblk0"));
        assert_eq!(emmc_area_of("mmcblk12rpmb").as_deref(), Some("mmcblk12"));
        for other in ["mmcblk0", "mmcblk0p1", "sdb", "mmcblkboot0x"] {
            assert_eq!(
                emmc_area_of(other).filter(|_| other != "mmcblkboot0x"),
                None,
                "{other}"
            );
        }
    }

    #[test]
    fn what_a_disk_says_of_itself_moves_no_cursor() {
        assert_eq!(printable(" Evil\x1b[2J \n").as_deref(), Some("Evil[2J"));
        assert_eq!(printable(" \x00\n"), None);
    }
}
