//! The sink that makes a card image out of a payload: the payload's files, and what has to be different on
//! the base so that it needs no setting up at its first boot.

mod base;
mod broker;
mod card;
mod first_boot;
mod home;
mod host_keys;
mod login;
mod seeds;
mod settings;
mod ssh_socket;
mod sudo;
mod traces;
mod units;

pub use card::{Request, bake, check, stage, timestamp};
