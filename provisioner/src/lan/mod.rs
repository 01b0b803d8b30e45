//! Brokers on the local network: who says to be one, and who is.
//!
//! A broker's host tells its network of it by DNS-SD (RFC 6763) over multicast DNS (RFC 6762), even
//! while the broker is down. Nothing of what is told is proved, so that each is tried over TLS.

mod browse;
mod check;

pub use browse::{Address, Advertised, browse};
pub use check::check;
