//! A base built from Debian's own packages, laid out like Raspberry Pi OS.
//!
//! Needs a mirror of Debian and nothing else: no loop device, no container and, where the host allows
//! user namespaces, no privilege.
//!
//! [`DebianBase`] says what is wanted, [`DebianBase::resolve`] asks the mirrors which versions there are,
//! [`DebianBase::pin`] settles on a [`PackageSet`], new or remembered, and [`PinnedBase::prepare`] makes
//! the image of exactly these packages.

mod apt;
mod builder;
mod debs;
mod error;
pub mod host;
mod inputs;
mod installed;
mod lock;
mod log;
mod packages;
mod pinned;
mod port;
mod repository;
mod resolve;
mod run;
mod sources;
mod suite;
mod times;

#[cfg(test)]
mod tests;

pub use debs::Fetched;
pub use error::{DebianError, Gone};
pub use inputs::DebianBase;
pub use packages::{Change, Package, PackageError, PackageSet, is_package_name};
pub use pinned::PinnedBase;
pub use resolve::KEYRINGS;
pub use suite::Suite;
