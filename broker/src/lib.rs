//! An MQTT broker for a private home, with mosquitto's configuration language, files and command line.

pub mod acl;
pub mod config;
pub mod passwd;
pub mod topic;

#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod log;
#[cfg(feature = "server")]
pub mod tls;
