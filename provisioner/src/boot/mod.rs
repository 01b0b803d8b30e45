//! Trying a card out in QEMU: a copy of it boots on a board like the one it is for, with ports of this
//! computer that lead to its SSH and its broker.
//!
//! QEMU does not run the Pi's firmware: kernel, initrd, device tree and command line are read from the FAT
//! partition and given to it, as the firmware would.

mod check;
mod files;
mod known;
mod machine;
mod network;
mod ports;
mod qemu;

pub use check::{Expected, Proved, wait_for_broker, wait_for_system};
pub use files::BootFiles;
pub use known::{Known, KnownHost, Ways};
pub use machine::{Machine, card_size};
pub use network::Network;
pub use ports::{Forward, free_port};
pub use qemu::{Qemu, Setup};
