//! `provision schema`.

use clap::Args;

use crate::exit::ExitStatus;
use crate::output::Output;
use crate::recipe::schema;

/// Prints what may stand in a recipe, as a JSON schema, by which editors complete and check recipes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  provision schema >recipe.schema.json\n\n\
                        and as the first line of the recipe beside it:\n  \
                        # yaml-language-server: $schema=recipe.schema.json")]
pub struct SchemaArgs {}

/// Runs the command.
pub fn run(_: &SchemaArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    output.data(schema::recipe()?.trim_end())?;
    Ok(ExitStatus::Success)
}
