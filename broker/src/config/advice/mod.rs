//! What is legal but unwise, one function for each kind of thing to look at.
//!
//! What needs no more than the configuration is said when it is read; what is in the password and ACL files
//! when those are read; what is about files as such on request. What takes a parser of certificates is in the
//! server.

mod acl;
mod files;
mod listeners;

pub(super) use acl::lines;
pub(super) use files::readable_by_all;
pub(super) use listeners::{client_ids, listener, logins, nothing_kept, persistence};
