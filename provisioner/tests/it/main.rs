//! `provision` as a person runs it: the real binary, in an empty folder.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod acl_matrix;
mod authority;
mod bake;
mod brokers;
mod certificates;
mod doctor;
mod find;
mod input;
mod kinds;
mod lan;
mod list_users;
mod membership;
mod passphrase;
mod people;
mod push;
mod ready_made;
mod removal;
mod revocation;
mod rotation;
mod support;
