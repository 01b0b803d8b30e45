//! What may stand in a recipe, as a JSON schema: editors complete and check recipes with it.

use schemars::generate::SchemaSettings;

use super::model::Recipe;

/// The schema of recipes, as `recipes/recipe.schema.json` has it.
pub fn recipe() -> serde_json::Result<String> {
    // Draft 7 is what editors know best.
    let schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Recipe>();
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}
