//! Recipes: how to build. A recipe is what a person wrote; a [`Plan`] is what it comes to.

mod load;
mod model;
mod plan;
mod size;
pub mod yaml;

pub use load::{DEFAULT, Origin, load};
pub use model::{BrokerRecipe, LoginRecipe, Plain, Recipe, Sudo, SystemRecipe};
pub use plan::{BaseChoice, BrokerPlan, Login, Overrides, Plan};
pub use size::{Size, SizeError};
