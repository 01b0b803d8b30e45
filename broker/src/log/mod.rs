//! The broker's log: Mosquitto's types, destinations and line format.
//!
//! [`Logger::log`] formats a line and leaves it to a thread of its own, which writes to all destinations: a
//! terminal that nobody reads, or a full disk, costs lines (counted, and said so), never the broker's time.

mod line;
mod logger;
mod sinks;
mod syslog;

pub use crate::config::{LogSettings, LogType, LogTypes};
pub use line::topic;
pub use logger::{LogError, Logger, TopicSink};
pub use sinks::syslog_problem;
