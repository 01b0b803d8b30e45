//! The real broker: what clients, files and signals do to it.
#![expect(clippy::panic, reason = "in a test a panic is the report")]

mod access;
mod binding;
mod certificates;
mod client_ids;
mod delivery;
mod descriptors;
mod dump;
mod endurance;
mod figures;
mod handshake;
mod lifetimes;
mod logging;
mod migration;
mod mutation;
mod paho;
mod privileges;
mod process;
mod protocol;
mod reload;
mod revocation;
mod root;
mod secrets;
mod separation;
mod sessions;
mod sockets;
mod throttle;
mod tls;
mod version_5;
