//! TLS for listeners: from files to a [`rustls::ServerConfig`], and from a client's certificate to a user name.
//!
//! Each accepted connection takes the configuration as it is then, so that certificate, key, authorities and
//! revocation lists all change without a restart, and without a word to the clients that are connected.

mod ciphers;
mod clock;
mod error;
mod explain;
mod identity;
mod pem;
mod server;
mod validity;

pub use ciphers::CipherError;
pub use clock::{Clock, date, system_seconds};
pub use error::TlsError;
pub use explain::explain;
pub use identity::user_name;
pub use server::{ServerTls, Standing};
pub use validity::{Role, Validity};
