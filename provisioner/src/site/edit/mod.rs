//! Changes to `people.yaml` that keep its comments and its order.
//!
//! A command says what the file should mean; [`rewrite()`] finds what differs, makes just these edits in
//! the text, and reads the result back.

mod difference;
mod document;
mod rewrite;
#[cfg(test)]
mod tests;

pub(super) use rewrite::{add_person, rewrite};
