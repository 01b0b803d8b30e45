//! The crate against the tools that others made: `mke2fs`, `mkfs.vfat`, `sfdisk`, `debugfs`, `e2fsck`,
//! `fsck.vfat`, `mtools`, `xz`.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod accounts;
mod assemble;
mod bases;
mod boards;
mod fat;
mod faults;
mod mbr;
mod room;
mod support;
mod trees;
