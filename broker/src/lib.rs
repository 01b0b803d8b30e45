//! An MQTT broker for a private home, with mosquitto's configuration language, files and command line.

pub mod acl;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod codec;
#[cfg(feature = "server")]
pub mod commands;
pub mod config;
#[cfg(feature = "server")]
pub mod log;
#[cfg(feature = "server")]
pub mod manual;
pub mod passwd;
mod quote;
#[cfg(feature = "server")]
mod rootly;
#[cfg(feature = "server")]
pub mod router;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod session;
#[cfg(feature = "server")]
pub mod store;
#[cfg(feature = "server")]
pub mod tls;
pub mod topic;
