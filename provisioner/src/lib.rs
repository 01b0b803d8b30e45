//! Turns a set of people and phones into a private MQTT broker on a Raspberry Pi.
//!
//! Data flows one way: a [`recipe`] resolves to a plan, a [`site`] holds people and keys, a
//! [`toolchain`] makes the broker; a [`payload`] is assembled from the three, and a sink
//! ([`bake`] into a card image, [`remote`] over SSH, a folder) takes it.

pub mod bake;
pub mod bases;
pub mod boot;
pub mod cache;
pub mod cli;
pub mod commands;
pub mod doctor;
mod dpkg;
pub mod exit;
pub mod fleet;
pub mod fsio;
pub mod hint;
pub mod lan;
pub mod lock;
pub mod look;
pub mod output;
pub mod outputs;
pub mod payload;
pub mod pki;
pub mod process;
pub mod prompt;
pub mod recipe;
pub mod remote;
pub mod secret;
pub mod site;
pub mod ssh;
pub mod tls_client;
pub mod toolchain;
