//! What is put beside an image: together and consistent, all of it or nothing.
//!
//! Everything is made beside its place under another name. Then what belonged to the image before is removed, the
//! new image gets its name, and the rest follows: at no moment does an old block map lie beside a new image.

mod build_report;
mod check;
mod dpkg;
mod facts;
mod leftovers;
mod make;
mod manifest;
mod names;
mod options;
mod publish;
mod sbom;
mod spdx;
mod sums;
mod uri;

pub use build_report::{BuildReport, OutputFacts, SeedFacts};
pub use check::{Difference, differences};
pub use facts::{BaseFacts, BrokerFacts, Facts, PlanFacts};
pub use leftovers::sweep;
pub use make::{Made, Maker, make};
pub use names::Names;
pub use options::{OutputArgs, Place, Plan};
pub use publish::Published;
