//! The partitions and what is in them.

use serde::Serialize;

use crate::card::{Card, CardError};
use crate::mbr::PartitionType;

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartitionFacts {
    /// 1 to 4.
    pub number: u8,
    /// Its type: `0x0c`, `0x83`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its first byte in the image.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// What fstab and the kernel's command line call it.
    pub partuuid: String,
    /// What is in it, if it is one of the two that a Pi's card has.
    pub file_system: Option<FileSystem>,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSystem {
    /// `fat` or `ext4`.
    pub kind: &'static str,
    /// Its label.
    pub label: String,
    /// What `/dev/disk/by-uuid` calls it.
    pub uuid: String,
    /// Where the Pi mounts it.
    pub mounted_at: &'static str,
    /// Its size in bytes; of FAT that of the partition.
    pub size: u64,
    /// Bytes that are free, those reserved for root included.
    pub free: u64,
    /// How often it was mounted since it was made or checked; of FAT nobody counts.
    pub mounts: Option<u16>,
}

pub(super) fn partitions(card: &Card) -> Result<Vec<PartitionFacts>, CardError> {
    let boot = card.mbr().boot().ok().map(|partition| partition.number);
    let root = card.mbr().root().ok().map(|partition| partition.number);
    let mut facts = Vec::new();
    for partition in card.mbr().partitions() {
        let file_system = if Some(partition.number) == boot {
            Some(FileSystem {
                kind: "fat",
                label: card.boot().label(),
                uuid: card.boot().serial(),
                mounted_at: "/boot/firmware",
                size: partition.size(),
                free: card.boot().free()?,
                mounts: None,
            })
        } else if Some(partition.number) == root && partition.kind == PartitionType::LINUX {
            let superblock = card.root().superblock();
            Some(FileSystem {
                kind: "ext4",
                label: superblock.label.clone(),
                uuid: card.root().uuid(),
                mounted_at: "/",
                size: superblock.size(),
                free: superblock.free_bytes(),
                mounts: Some(card.root().mount_count()),
            })
        } else {
            None
        };
        facts.push(PartitionFacts {
            number: partition.number,
            kind: partition.kind.to_string(),
            offset: partition.offset(),
            size: partition.size(),
            partuuid: card.mbr().partuuid(partition.number),
            file_system,
        });
    }
    Ok(facts)
}
