//! Where base images come from. Each source ends with a raw image in the cache, or in place.

pub mod debian;
pub mod local;
mod unpack;
