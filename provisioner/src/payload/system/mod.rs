//! Files of the operating system that a plan and a site decide: a room for each subject, each a pure function
//! from settings to entries. What depends on the base is in [`bake`](mod@crate::bake).

mod add;
mod base;
mod firewall;
mod keyfile;
mod locale;
mod network;
mod secrets;
mod upkeep;
mod wifi;

pub(super) use add::{add, overlays};
pub(crate) use base::SUDOERS;
pub(super) use base::put;
pub(super) use firewall::{add_ports, add_rules};
pub(super) use secrets::read as read_secret;
