//! Looking at cards: images, packed images and devices, opened for reading and told about.

mod additions;
mod broker;
mod keys;
mod lines;
mod open;
mod report;
mod text;
mod whole;

pub use additions::additions;
pub use broker::{Broker, Certificate, broker};
pub use keys::LoginKey;
pub use lines::lines;
pub use open::{Opened, open};
pub use report::{Baking, beside, read};
pub use text::{console, printable};
pub use whole::{Whole, whole};
