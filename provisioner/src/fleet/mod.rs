//! Many cards from one file: which hosts, with which addresses and people.

mod file;
mod plans;
mod table;

pub use file::{Address, Card, Fleet};
