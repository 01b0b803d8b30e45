//! Fetching over HTTP: redirects, proxies, own authorities, time limits, and downloads that go on where they
//! were cut.

mod client;
mod download;
mod error;
mod proxy;
mod roots;
mod transfer;
mod url;

pub use client::{Client, NetConfig};
pub use download::{DownloadError, Source, download};
pub use error::NetError;
pub use proxy::Proxies;
pub use url::{host_of, is_address, shown};

pub(super) use transfer::Message;
