//! The crate against the tools that others made: `mke2fs`, `mkfs.vfat`, `sfdisk`, `debugfs`, `e2fsck`,
//! `fsck.vfat`, `mtools`, `xz`.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod accounts;
mod allocation;
mod assemble;
mod bases;
mod bmap;
mod boards;
mod bootconfig;
mod damaged;
mod device;
mod diff;
mod fat;
mod faults;
mod first_boot;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod guards;
mod inspect;
mod mbr;
mod misnamed;
mod names;
mod official;
mod packed;
mod refusals;
mod removal;
mod room;
mod server;
mod site;
mod sizes;
mod stage;
mod support;
mod survey;
mod trees;
mod verify;
