//! mosquitto.conf's language: from text to a typed [`Config`], with all its errors at once.
//!
//! The way of a line: the lexer splits it into option and value, the table of options says whether it is
//! supported and where it belongs, its setter parses the value into a draft, and when all lines are read the
//! draft is checked as a whole. Each error and warning has its file and line.
//!
//! ```
//! let config = broker::config::Config::parse("broker.conf", "listener 1883\nallow_anonymous true\n")?;
//! assert!(config.listeners[0].security.allow_anonymous);
//! # Ok::<(), broker::config::ConfigError>(())
//! ```

mod advice;
mod check;
mod clients;
mod diagnostic;
mod draft;
mod files;
mod lexer;
mod load;
mod model;
mod named;
mod options;
mod overlap;
mod value;

pub use clients::{LoginThrottle, Protocol, ProtocolVersions};
pub use diagnostic::{ConfigError, Diagnostic};
pub use files::{AccessFiles, ListenerAccess};
pub use model::{
    Autosave, ClientCertificates, Config, Endpoint, Family, Limits, Listener, LogDestination,
    LogSettings, LogType, LogTypes, Persistence, Security, Service, Timestamps, Tls, TlsVersion,
    UserNameFrom,
};
pub use named::Named;
pub use options::{Arity, OptionSpec, Origin, Repeat, Scope, Support, options};
#[cfg(feature = "server")]
pub(crate) use overlap::overlap;
