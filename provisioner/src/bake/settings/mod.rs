//! What a recipe's settings come to on a base: which files there are to change, what the base lacks, and what has
//! to wait for the first network. Pure settings are in [`payload`](crate::payload).

mod apply;
mod boot;
mod fstab;
mod keyboard;
mod locale;
mod packages;
mod swap;
mod wifi;

pub(super) use apply::apply;

/// Where what is written here comes from.
const ORIGIN: &str = "recipe";
