//! What a client and the broker owe each other: a state machine of packets in, packets and actions out.
//!
//! Nothing here does I/O or looks at a clock. [`review()`] judges a CONNECT; a [`Session`] holds what outlives
//! a connection and answers every packet after it; [`KeepAlive`] is told the time.

mod alias;
mod handshake;
mod keepalive;
mod machine;
mod outgoing;
mod received;

pub use alias::{IncomingAliases, OutgoingAliases};
pub use handshake::{Admission, ClientLimits, Policy, review};
pub use keepalive::KeepAlive;
pub use machine::{Action, Rules, Session, Step, Violation};
pub use outgoing::{InFlight, Outgoing, Stage};
