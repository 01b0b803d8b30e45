//! `provision` as a person runs it: the real binary, in an empty folder.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod bake;
mod certificates;
mod find;
mod input;
mod lan;
mod people;
mod support;
