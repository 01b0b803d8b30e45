//! `provision flash`: what it lists, asks and refuses, and what is on a card afterwards.

mod bench;
mod block_device;
mod choice;
mod copies;
mod faults;
#[expect(dead_code, reason = "the tests of the library need more of it")]
#[path = "../../../../image/tests/it/device/tree.rs"]
mod tree;
