//! Cards baked on images that look like the real ones: what is different, what stays, and what is refused.

mod bench;
mod login;
mod refusals;
mod settled;
