//! The broker as a process: sockets, connections, signals, files.
//!
//! A connection is one task. It waits for its TLS handshake and its CONNECT (`admit`, with `auth` for who it is
//! and `throttle` for how often that may be tried), is given its session (`welcome`), then moves packets between
//! its `stream` and its session (`serve`, with `receive` for what comes and `deliver` for what goes) until it
//! ends (`closing`). What all connections share is in `shared`; what can change at a reload is in `settings`,
//! replaced as a whole. `run` reads the command line, and `life` starts all of this, listens to signals, and ends
//! it. At a `reload` the `sockets` of listeners open and close, with the `socket_file` of those in a folder, and each
//! connection asks for its `standing`.
//!
//! What the broker says of itself is one table, `figures`, over one `report`: `sys` publishes it below `$SYS`,
//! and `metrics` hands it to Prometheus.

mod activation;
mod admit;
mod auth;
mod checkup;
mod client_ids;
mod closing;
mod connection;
mod deliver;
mod descriptors;
mod dump;
mod error;
mod expiry;
mod figure;
mod figures;
mod files;
mod life;
mod listener;
mod load;
mod memory;
mod metrics;
mod migration;
mod mount;
mod notify;
mod outbox;
mod privileges;
mod receive;
mod reload;
mod report;
mod run;
mod serve;
mod settings;
mod setup;
mod shared;
mod socket_file;
mod sockets;
mod standing;
mod state;
mod stream;
mod sys;
mod terms;
mod throttle;
mod trace;
mod traffic;
mod transport;
mod welcome;

pub use error::ServerError;
pub use figures::manual;
pub use run::run;
