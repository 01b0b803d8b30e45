//! TLS for listeners: from files to a [`rustls::ServerConfig`], and from a client's certificate to a user name.
//!
//! Each accepted connection takes the configuration as it is then, so that certificate, key, authorities and
//! revocation lists all change without a restart, and without a word to the clients that are connected.

mod identity;
mod pem;
mod server;

pub use identity::user_name;
pub use server::{TlsError, server_config};
