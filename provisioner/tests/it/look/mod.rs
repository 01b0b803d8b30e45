//! `inspect`, `diff`, `verify` and `boot`, as a person runs them.

mod boot;
mod card;
mod difference;
mod inspection;
mod verification;
