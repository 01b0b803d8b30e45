//! Many cards from one file: which hosts, with which addresses and people.

mod file;

pub use file::{Address, Card, Fleet};
