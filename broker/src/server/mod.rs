//! The broker as a process: sockets, connections, signals, files.
//!
//! A connection is one task. It waits for its TLS handshake and its CONNECT (`admit`), is given its session (`welcome`), then moves packets
//! between its `stream` and its session (`serve`, with `receive` for what comes and `deliver` for what goes)
//! until it ends (`closing`). What all connections share is in `shared`; what can change at a reload is in
//! `settings`, replaced as a whole. `run` reads the command line, and `life` starts all of this, listens to
//! signals, and ends it.

mod admit;
mod auth;
mod checkup;
mod client_ids;
mod closing;
mod connection;
mod deliver;
mod error;
mod life;
mod listener;
mod memory;
mod mount;
mod notify;
mod outbox;
mod privileges;
mod receive;
mod run;
mod serve;
mod settings;
mod setup;
mod shared;
mod state;
mod stream;
mod sys;
mod trace;
mod transport;
mod welcome;

pub use error::ServerError;
pub use run::run;
