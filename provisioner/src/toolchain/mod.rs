//! The broker's binary for the Pi: cross-compiled from source or taken ready-made, and checked
//! before it is baked.

mod build;
mod elf;
mod reproducible;
mod source;
mod target;

pub use build::{BrokerBinary, Compiler, compiled, find_cargo, find_linker, is_cached, ready_made};
pub use elf::{ElfError, ElfFacts, GlibcVersion};
pub use source::BrokerSource;
pub use target::{Target, TargetParser};
