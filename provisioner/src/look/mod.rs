//! Looking at cards: images, packed images and devices, opened for reading and told about.

mod open;
mod report;
mod text;

pub use open::{Opened, open};
pub use report::{beside, read};
pub use text::printable;
