//! The formats and the broker against programs that this project did not write.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod acl;
#[cfg(feature = "server")]
mod acl_random;
#[cfg(feature = "server")]
mod advice;
mod agreement;
mod broken;
#[cfg(feature = "server")]
mod ciphers;
#[cfg(feature = "server")]
mod clients;
#[cfg(feature = "server")]
mod codec;
#[cfg(feature = "server")]
mod commands;
#[cfg(feature = "server")]
mod compare;
mod config;
#[cfg(feature = "server")]
mod corpus;
mod default_listener;
#[cfg(feature = "server")]
mod harness;
#[cfg(feature = "server")]
mod manual;
#[cfg(feature = "server")]
mod named_files;
#[cfg(feature = "server")]
mod normative;
mod passwd;
#[cfg(feature = "server")]
mod server;
mod settings;
#[cfg(feature = "server")]
mod standing;
mod support;
#[cfg(feature = "server")]
mod tls;
#[cfg(feature = "server")]
mod wire;
