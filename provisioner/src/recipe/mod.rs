//! Recipes: how to build. A recipe is what a person wrote; a [`Plan`] is what it comes to.

mod base;
mod layers;
mod load;
mod model;
mod plan;
pub mod schema;
mod size;
pub mod system;
pub mod yaml;

pub use base::{BaseChoice, BaseNames, KNOWN};
pub use load::{DEFAULT, Origin, load};
pub use model::{BrokerRecipe, Plain, Recipe};
pub use plan::{BrokerPlan, Overrides, Plan};
pub use size::{Size, SizeError};
pub use system::{Hidden, Login, LoginRecipe, Sudo, System, SystemRecipe};
