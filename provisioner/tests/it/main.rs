//! `provision` as a person runs it: the real binary, in an empty folder.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod acl_matrix;
mod authority;
mod bake;
mod bases;
mod brokers;
mod cache;
mod certificates;
mod doctor;
mod find;
mod first_boot;
#[path = "../../../image/tests/fixtures/mod.rs"]
mod fixtures;
mod flash;
mod fleet;
mod input;
mod kinds;
mod lan;
mod list_users;
mod lock;
mod look;
mod membership;
mod networks;
mod outputs;
mod passphrase;
mod people;
mod push;
mod ready_made;
mod removal;
mod revocation;
mod rotation;
#[path = "../../../image/tests/it/server.rs"]
mod server;
mod settings;
mod site;
mod support;
