//! The formats and the broker against programs that this project did not write.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod acl;
#[cfg(feature = "server")]
mod acl_random;
mod agreement;
#[cfg(feature = "server")]
mod codec;
#[cfg(feature = "server")]
mod commands;
mod config;
#[cfg(feature = "server")]
mod harness;
mod passwd;
#[cfg(feature = "server")]
mod server;
mod support;
#[cfg(feature = "server")]
mod tls;
