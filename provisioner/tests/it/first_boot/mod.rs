//! Cards baked on images that look like the real ones: what is different, what stays, and what is refused.

mod bench;
mod everything;
mod example;
mod login;
mod read_by_settings;
mod refusals;
mod settled;
mod ssh_socket;
mod sudo;
mod traces;
