//! Where base images come from. Each source ends with a raw image in the cache, or in place.

pub mod debian;
mod digest;
mod error;
pub mod lease;
pub mod local;
pub mod net;
pub mod official;
pub mod stored;
