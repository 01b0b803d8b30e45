//! One disk: what it is, how large, and what uses it.

use std::fmt;
use std::path::PathBuf;

use super::mounts::Number;

/// How a disk is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    /// A stick, a card reader, a disk in a case.
    Usb,
    /// A card in a slot of the computer's own.
    Sd,
    /// Memory that is soldered on.
    Emmc,
    /// NVM Express.
    Nvme,
    /// SATA, or SCSI of another kind.
    Sata,
    /// A virtual machine's disk.
    Virtio,
    /// A file that looks like a disk.
    Loop,
    /// Something else.
    Other,
}

impl Bus {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usb => "USB",
            Self::Sd => "SD",
            Self::Emmc => "eMMC",
            Self::Nvme => "NVMe",
            Self::Sata => "SATA",
            Self::Virtio => "virtio",
            Self::Loop => "loop",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A partition of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name, `sdb1`.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The label of the file system, where udev knows it.
    pub label: Option<String>,
    /// The kind of file system, where udev knows it.
    pub file_system: Option<String>,
}

/// A disk as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its name, `sdb` or `mmcblk0`.
    pub name: String,
    /// Its path, `/dev/sdb`.
    pub path: PathBuf,
    /// Who made it and what it is called.
    pub model: Option<String>,
    /// Its own number; that of the reader for a card in a USB reader.
    pub serial: Option<String>,
    /// How it is connected.
    pub bus: Bus,
    /// Its size in bytes; 0 for a reader without a card.
    pub size: u64,
    /// Whether it is made to be taken out: by its own word, or on USB, or an SD card.
    pub removable: bool,
    /// Whether it can't be written.
    pub read_only: bool,
    /// Its partitions.
    pub parts: Vec<Part>,
    /// Where it, its partitions and what lies on top of them are mounted.
    pub mounts: Vec<String>,
    /// What of it is swapped to.
    pub swaps: Vec<String>,
    /// What lies on top of it: loop devices, device mapper, LVM, RAID.
    pub holders: Vec<String>,
    /// The kernel's number.
    pub(super) number: Number,
    /// Grows with every disk, and every card, that is put in.
    pub(super) sequence: Option<u64>,
    /// Bytes in a sector, as it is spoken to.
    pub(super) sector: u64,
    /// What is opened: the path below the root that the lists were read from.
    pub(super) node: PathBuf,
}

/// What makes a disk the same disk when it is looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    number: Number,
    sequence: Option<u64>,
    serial: Option<String>,
    size: u64,
}

impl Disk {
    /// What makes it this disk and no other.
    pub fn identity(&self) -> Identity {
        Identity {
            number: self.number,
            sequence: self.sequence,
            serial: self.serial.clone(),
            size: self.size,
        }
    }
}
