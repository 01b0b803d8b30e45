//! What stands between this computer (or a site) and a card, found before it matters.
//!
//! A check is a row of the table in `registry`: a name and a function. The function's outer `Result`
//! says whether the check could be made, the inner one what it found; what it found comes with a cure.
//! Nothing is changed, created or locked.

mod base;
mod certificates;
mod check;
mod clock;
mod registry;
mod rust;
mod secrets;
mod site;
mod space;

pub(crate) use check::quoted;
pub use check::{Report, Status};
pub use registry::{Surroundings, examine};
