//! `push`, `rotate-certs`, `remove` against real machines.

mod flow;
mod host;
mod interrupted;
mod refusals;
mod terminal;

pub(crate) use host::on_a_terminal;
