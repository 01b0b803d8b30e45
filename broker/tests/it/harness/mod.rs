//! A broker of one's own, and clients for it.
#![expect(clippy::panic, reason = "in a test a panic is the report")]

mod broker;
mod certificates;
mod mosquitto;
mod openssl;
mod raw;

pub(crate) use broker::{Broker, config_file, run_to_end};
pub(crate) use certificates::Certificates;
pub(crate) use mosquitto::{Subscriber, publish};
pub(crate) use openssl::{hold, visit};
pub(crate) use raw::{Raw, connect, connect_5, id, message, text};

/// How long anything may take. Generous: the machine may be busy.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
