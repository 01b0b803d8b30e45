//! What a recipe says of the operating system, on a card and before the programs that read it there.

mod base;
mod bases;
mod firewall;
mod network;
mod packages;
mod readers;
mod report;
mod schema;
