//! `push`, `rotate-certs`, `remove` against real machines.

mod flow;
mod host;
mod interrupted;
mod refusals;
mod terminal;
