//! Looking at cards: images, packed images and devices, opened for reading and told about.

mod broker;
mod keys;
mod lines;
mod open;
mod report;
mod text;

pub use broker::{Broker, Certificate, broker};
pub use keys::LoginKey;
pub use lines::lines;
pub use open::{Opened, open};
pub use report::{beside, read};
pub use text::{console, printable};
