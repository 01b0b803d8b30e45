//! The broker as a process: sockets, connections, signals, files.
//!
//! A connection is one task. It waits for its TLS handshake and its CONNECT (`admit`), then moves packets
//! between its `stream` and its session (`serve`) until it ends (`closing`). What all connections share is
//! in `shared`; what can change at a reload is in `settings`, replaced as a whole. `run` reads the command line, and `life`
//! starts all of this, listens to signals, and ends it.
//!
//! What the broker says of itself is one table, `figures`, over one `report`: `sys` publishes it below `$SYS`, and
//! `metrics` hands it to Prometheus.

mod admit;
mod auth;
mod closing;
mod connection;
mod dump;
mod error;
mod figure;
mod figures;
mod life;
mod listener;
mod load;
mod metrics;
mod notify;
mod outbox;
mod report;
mod run;
mod serve;
mod settings;
mod setup;
mod shared;
mod state;
mod stream;
mod sys;
mod traffic;
mod transport;

pub use error::ServerError;
pub use figures::manual;
pub use run::run;
