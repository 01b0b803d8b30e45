//! The real broker: what clients, files and signals do to it.
#![expect(clippy::panic, reason = "in a test a panic is the report")]

mod access;
mod binding;
mod client_ids;
mod delivery;
mod mutation;
mod paho;
mod privileges;
mod process;
mod protocol;
mod sessions;
mod tls;
mod version_5;
