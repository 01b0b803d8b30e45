//! What goes onto a Pi, the same whether it is baked into a card or laid into a folder.

mod assemble;
mod base_system;
mod release;
mod system;
mod template;
mod tree;

pub use assemble::{Context, Inputs, LoginUser, Payload, Sink, Unit, assemble};
pub use base_system::BaseSystem;
pub(crate) use release::digest;
pub use release::{CURRENT, ETC, Release, known_path};
pub(crate) use system::SUDOERS;
