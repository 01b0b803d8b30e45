//! The classic partition table in the first sector of a card: parsed, checked and written, without I/O.
//!
//! Raspberry Pi OS, and the Debian base of this crate, have an MBR with two primary partitions: FAT for
//! the firmware and the kernel, ext4 for the rest. GPT is recognized in order to be refused with a word.

use std::fmt;

/// How many bytes of an image hold the table.
pub const MBR_SIZE: usize = 512;
const DISK_ID: usize = 440;
const TABLE: usize = 446;
const ENTRY_SIZE: usize = 16;
const SIGNATURE: usize = 510;
/// Heads and sectors of the geometry that every tool pretends disks to have.
const HEADS: u64 = 255;
const SECTORS_PER_TRACK: u64 = 63;

/// A number of 512-byte sectors, or the position of one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Sectors(u64);

impl Sectors {
    /// Bytes in a sector.
    pub const SIZE: u64 = 512;

    /// `count` sectors.
    pub const fn new(count: u64) -> Self {
        Self(count)
    }

    /// The sectors that lie wholly within `bytes`.
    pub const fn within(bytes: u64) -> Self {
        Self(bytes / Self::SIZE)
    }

    /// The bare number.
    pub const fn count(self) -> u64 {
        self.0
    }

    /// The size in bytes, or `None` if it does not fit in 64 bits.
    pub const fn bytes(self) -> Option<u64> {
        self.0.checked_mul(Self::SIZE)
    }
}

impl fmt::Display for Sectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sectors", self.0)
    }
}

/// The type byte of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct PartitionType(pub u8);

impl PartitionType {
    /// FAT32, addressed by sector number: what Raspberry Pi OS calls `bootfs`.
    pub const FAT32_LBA: Self = Self(0x0C);
    /// Any Linux file system.
    pub const LINUX: Self = Self(0x83);
    /// The placeholder by which a GPT protects itself from tools that know only MBR.
    const GPT_PROTECTIVE: Self = Self(0xEE);

    /// Whether the Pi's boot ROM would look for its firmware here.
    pub const fn is_fat(self) -> bool {
        matches!(self.0, 0x01 | 0x04 | 0x06 | 0x0B | 0x0C | 0x0E)
    }
}

impl fmt::Display for PartitionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02x}", self.0)
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Partition {
    /// 1 to 4, as in `/dev/mmcblk0p2`.
    pub number: u8,
    /// What is in it.
    pub kind: PartitionType,
    /// Whether the boot flag is set; the Pi doesn't look at it.
    pub bootable: bool,
    /// Its first sector.
    pub start: Sectors,
    /// How long it is.
    pub length: Sectors,
}

impl Partition {
    /// Where it begins in the image, in bytes. Both fields have 32 bits on disk: this can't overflow.
    pub const fn offset(&self) -> u64 {
        self.start.count() * Sectors::SIZE
    }

    /// Its size in bytes.
    pub const fn size(&self) -> u64 {
        self.length.count() * Sectors::SIZE
    }

    /// The first sector after it.
    pub const fn end(&self) -> Sectors {
        Sectors(self.start.count() + self.length.count())
    }
}

/// A parsed partition table. What isn't changed is written back as it was, boot code included.
#[derive(Clone, PartialEq, Eq)]
pub struct Mbr {
    raw: [u8; MBR_SIZE],
    partitions: [Option<Partition>; 4],
}

impl fmt::Debug for Mbr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mbr")
            .field("disk_id", &format_args!("{:08x}", self.disk_id()))
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}

impl Mbr {
    /// An empty table. `disk_id` is the first half of every `PARTUUID`.
    pub fn new(disk_id: u32) -> Self {
        let mut raw = [0; MBR_SIZE];
        raw[SIGNATURE..].copy_from_slice(&[0x55, 0xAA]);
        let mut mbr = Self {
            raw,
            partitions: [None; 4],
        };
        mbr.set_disk_id(disk_id);
        mbr
    }

    /// Reads a table from the first sector of an image.
    ///
    /// # Errors
    ///
    /// Everything in [`MbrError`] that can be seen without knowing the size of the image; see
    /// [`check`](Self::check) for the rest.
    pub fn parse(sector: &[u8; MBR_SIZE]) -> Result<Self, MbrError> {
        if sector[SIGNATURE..] != [0x55, 0xAA] {
            return Err(MbrError::Signature {
                actual: [sector[SIGNATURE], sector[SIGNATURE + 1]],
            });
        }
        let mut partitions = [None; 4];
        for ((slot, row), number) in partitions
            .iter_mut()
            .zip(sector[TABLE..SIGNATURE].chunks_exact(ENTRY_SIZE))
            .zip(1..)
        {
            *slot = parse_row(number, row)?;
        }
        let used = || partitions.iter().flatten();
        if used().any(|p| p.kind == PartitionType::GPT_PROTECTIVE) {
            return Err(MbrError::Gpt {
                hybrid: used().count() > 1,
            });
        }
        Ok(Self {
            raw: *sector,
            partitions,
        })
    }

    /// Checks that the partitions lie behind the table, apart from each other and within an image of
    /// `image` sectors.
    pub fn check(&self, image: Sectors) -> Result<(), MbrError> {
        let mut sorted: Vec<_> = self.partitions().collect();
        sorted.sort_by_key(|p| p.start);
        for pair in sorted.windows(2) {
            if pair[0].end() > pair[1].start {
                return Err(MbrError::Overlap {
                    first: pair[0].number,
                    end: pair[0].end().count(),
                    second: pair[1].number,
                    start: pair[1].start.count(),
                });
            }
        }
        match sorted.into_iter().find(|p| p.end() > image) {
            Some(p) => Err(MbrError::BeyondEnd {
                number: p.number,
                end: p.end().count(),
                image: image.count(),
            }),
            None => Ok(()),
        }
    }

    /// The 32-bit disk signature. `PARTUUID` is this in eight hexadecimal digits, a hyphen, and the
    /// partition's number in two.
    pub fn disk_id(&self) -> u32 {
        u32_at(&self.raw, DISK_ID)
    }

    /// Changes the disk signature.
    pub fn set_disk_id(&mut self, id: u32) {
        self.raw[DISK_ID..DISK_ID + 4].copy_from_slice(&id.to_le_bytes());
    }

    /// The `PARTUUID` of a partition, as it stands in fstab and on the kernel's command line.
    pub fn partuuid(&self, number: u8) -> String {
        format!("{:08x}-{number:02x}", self.disk_id())
    }

    /// The partitions in use, in the order of their numbers.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.iter().flatten()
    }

    /// Puts `partition` into the row of its number.
    ///
    /// # Errors
    ///
    /// [`MbrError::Number`], [`MbrError::Empty`] or [`MbrError::TooLarge`] if it can't be written there.
    pub fn set(&mut self, partition: Partition) -> Result<(), MbrError> {
        let index = usize::from(partition.number)
            .checked_sub(1)
            .filter(|index| *index < self.partitions.len())
            .ok_or(MbrError::Number {
                number: partition.number,
            })?;
        if partition.length.0 == 0 || partition.start.0 == 0 {
            return Err(MbrError::Empty {
                number: partition.number,
            });
        }
        let row = encode_row(&partition)?;
        let at = TABLE + index * ENTRY_SIZE;
        self.raw[at..at + ENTRY_SIZE].copy_from_slice(&row);
        self.partitions[index] = Some(partition);
        Ok(())
    }

    /// The sector as it is written to an image.
    pub fn to_bytes(&self) -> [u8; MBR_SIZE] {
        self.raw
    }

    /// The partition with the Pi's firmware: the first FAT one.
    pub fn boot(&self) -> Result<&Partition, MbrError> {
        self.partitions()
            .find(|p| p.kind.is_fat())
            .ok_or_else(|| self.missing("FAT partition (type 0x0c)"))
    }

    /// The partition with the root file system: the only one of Linux's type.
    pub fn root(&self) -> Result<&Partition, MbrError> {
        let mut linux = self.partitions().filter(|p| p.kind == PartitionType::LINUX);
        match (linux.next(), linux.next()) {
            (Some(root), None) => Ok(root),
            (Some(first), Some(second)) => Err(MbrError::SeveralRoots {
                first: first.number,
                second: second.number,
            }),
            (None, _) => Err(self.missing("Linux partition (type 0x83)")),
        }
    }

    fn missing(&self, what: &'static str) -> MbrError {
        let found: Vec<_> = self.partitions().map(|p| p.kind.to_string()).collect();
        let found = if found.is_empty() {
            "none".to_owned()
        } else {
            found.join(", ")
        };
        MbrError::Missing { what, found }
    }
}

fn parse_row(number: u8, row: &[u8]) -> Result<Option<Partition>, MbrError> {
    let kind = PartitionType(row[4]);
    // A sector can end in 55 AA without holding a table: that of a bare FAT file system does.
    if row[0] & 0x7F != 0 {
        return Err(MbrError::Flag {
            number,
            flag: row[0],
        });
    }
    if kind.0 == 0 {
        return Ok(None);
    }
    let partition = Partition {
        number,
        kind,
        bootable: row[0] == 0x80,
        start: Sectors(u32_at(row, 8).into()),
        length: Sectors(u32_at(row, 12).into()),
    };
    if partition.length.0 == 0 || partition.start.0 == 0 {
        return Err(MbrError::Empty { number });
    }
    Ok(Some(partition))
}

fn encode_row(partition: &Partition) -> Result<[u8; ENTRY_SIZE], MbrError> {
    let narrow = |sectors: Sectors| {
        u32::try_from(sectors.0).map_err(|_too_large| MbrError::TooLarge {
            number: partition.number,
            sectors: sectors.0,
        })
    };
    let mut row = [0; ENTRY_SIZE];
    row[0] = if partition.bootable { 0x80 } else { 0 };
    row[1..4].copy_from_slice(&cylinder_head_sector(partition.start.0));
    row[4] = partition.kind.0;
    row[5..8].copy_from_slice(&cylinder_head_sector(partition.end().0 - 1));
    row[8..12].copy_from_slice(&narrow(partition.start)?.to_le_bytes());
    row[12..16].copy_from_slice(&narrow(partition.length)?.to_le_bytes());
    Ok(row)
}

/// The old form of an address. Sectors that it can't express are all written as its last value, which
/// tells readers to use the sector number.
fn cylinder_head_sector(sector: u64) -> [u8; 3] {
    let cylinder = sector / (HEADS * SECTORS_PER_TRACK);
    if cylinder > 1023 {
        return [0xFE, 0xFF, 0xFF];
    }
    let head = sector / SECTORS_PER_TRACK % HEADS;
    let number = sector % SECTORS_PER_TRACK + 1;
    let byte = |value: u64| u8::try_from(value & 0xFF).unwrap_or(u8::MAX);
    [
        byte(head),
        byte(number | (cylinder >> 2 & 0xC0)),
        byte(cylinder),
    ]
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4]
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// What is wrong with a partition table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MbrError {
    /// The last two bytes of the sector aren't those of a table.
    #[error(
        "there is no partition table: the first sector ends in {:02x} {:02x}, not 55 aa", actual[0], actual[1]
    )]
    Signature {
        /// What is there instead.
        actual: [u8; 2],
    },
    /// A GPT is announced.
    #[error(
        "the image has a {} partition table, and Raspberry Pi images have an MBR",
        if *hybrid { "hybrid GPT/MBR" } else { "GPT" }
    )]
    Gpt {
        /// Whether there are MBR partitions beside the protective one.
        hybrid: bool,
    },
    /// The first byte of a row is neither 0x00 nor 0x80.
    #[error("row {number} of the partition table begins with 0x{flag:02x}, not with 0x00 or 0x80")]
    Flag {
        /// Which row.
        number: u8,
        /// Its first byte.
        flag: u8,
    },
    /// A partition without a single sector, or one that begins at the table itself.
    #[error("partition {number} has no sectors or begins at sector 0")]
    Empty {
        /// Which one.
        number: u8,
    },
    /// Two partitions share sectors.
    #[error("partition {first} ends at sector {end}, after partition {second} begins at {start}")]
    Overlap {
        /// The one that begins first.
        first: u8,
        /// Its end, exclusive.
        end: u64,
        /// The one that begins within it.
        second: u8,
        /// Where that begins.
        start: u64,
    },
    /// A partition lies partly outside of the image.
    #[error("partition {number} ends at sector {end}, the image has {image}")]
    BeyondEnd {
        /// Which one.
        number: u8,
        /// Its end, exclusive.
        end: u64,
        /// How many sectors the image has.
        image: u64,
    },
    /// There are only rows 1 to 4.
    #[error("there is no partition {number} in an MBR, only 1 to 4")]
    Number {
        /// The number asked for.
        number: u8,
    },
    /// The table has 32 bits for a sector.
    #[error("partition {number} would need sector number {sectors}, an MBR ends at 4294967295")]
    TooLarge {
        /// Which one.
        number: u8,
        /// The number that doesn't fit.
        sectors: u64,
    },
    /// More than one partition could be the root file system.
    #[error(
        "partitions {first} and {second} are both Linux ones (type 0x83), and which is the root can't be told"
    )]
    SeveralRoots {
        /// The first of them.
        first: u8,
        /// Another one.
        second: u8,
    },
    /// No partition of the wanted kind.
    #[error("the image has no {what}; the types of its partitions: {found}")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// The types that are there.
        found: String,
    },
}

impl MbrError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::BeyondEnd { .. } => "the image is cut off: download, copy or unpack it again",
            Self::TooLarge { .. } => "ask for less than 2 TiB",
            Self::Gpt { .. } => {
                "use an image for the Raspberry Pi with an MBR, as those of Raspberry Pi OS have it"
            }
            Self::SeveralRoots { .. } => {
                "use a base with one FAT and one Linux partition, as Raspberry Pi OS has them"
            }
            _ => crate::packed::TAKE_AN_IMAGE,
        }
    }
}
