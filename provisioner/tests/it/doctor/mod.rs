//! `provision doctor` on computers that lack this or that, and on sites that were tampered with.

mod computer;
mod host;
mod site;
