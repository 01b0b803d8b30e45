//! Finding and reading recipes, and following `extends`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rust_embed::RustEmbed;

use super::model::Recipe;
use super::yaml;
use crate::hint::{Fault, nearest};

/// The recipe used when none is named.
pub const DEFAULT: &str = "default";

/// The longest chain of `extends`; a longer one is a circle.
const MAX_DEPTH: usize = 8;

#[derive(RustEmbed)]
#[folder = "../recipes"]
struct Embedded;

/// Where a recipe came from: paths in it are relative to this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built into the program.
    Embedded,
    /// A file in this folder.
    Folder(PathBuf),
}

impl Origin {
    /// Resolves a path that a recipe names.
    pub fn join(&self, path: &str) -> PathBuf {
        match self {
            Self::Embedded => PathBuf::from(path),
            Self::Folder(folder) => folder.join(path),
        }
    }
}

/// Loads the recipe called `name`, a built-in one or a file, with all it extends.
///
/// Every recipe ends in `default`, so nothing is missing in the result but `description`,
/// `extends` and `broker.extra`. Paths in `base` and `overlays` are resolved against the file
/// that named them.
pub fn load(name: &str) -> anyhow::Result<Recipe> {
    load_from(name, &Origin::Embedded, 0)
}

fn load_from(name: &str, beside: &Origin, depth: usize) -> anyhow::Result<Recipe> {
    if depth == MAX_DEPTH {
        return Err(Fault::input(format!("recipe {name}: `extends` goes in a circle")).into());
    }
    let (label, text, origin) = read(name, beside)?;
    let recipe = anchored(yaml::parse::<Recipe>(&label, &text)?, &origin);
    if recipe.system.holds_secrets() {
        refuse_readers(&label, &origin)?;
    }
    let parent = match (&recipe.extends, origin) {
        (Some(parent), origin) => load_from(parent, &origin, depth + 1)?,
        (None, Origin::Embedded) if name == DEFAULT => Recipe::default(),
        (None, _) => load_from(DEFAULT, &Origin::Embedded, depth + 1)?,
    };
    Ok(recipe.over(parent))
}

fn read(name: &str, beside: &Origin) -> anyhow::Result<(String, String, Origin)> {
    let is_path = name.contains(['/', '.']);
    if is_path {
        let path = beside.join(name);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("reading recipe {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        return Ok((path.display().to_string(), text, Origin::Folder(folder)));
    }
    let file = format!("{name}.yaml");
    let Some(embedded) = Embedded::get(&file) else {
        let known: Vec<_> = Embedded::iter()
            .filter_map(|file| file.strip_suffix(".yaml").map(str::to_owned))
            .collect();
        let fault = Fault::input(format!("there is no recipe {name}"));
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => {
                format!("did you mean {near}? A recipe of your own is named by its path: ./{file}")
            }
            None => format!(
                "there are {}; a recipe of your own is named by its path: ./{file}",
                known.join(", ")
            ),
        };
        return Err(fault.hint(hint).into());
    };
    let text =
        String::from_utf8(embedded.data.into_owned()).context("reading a built-in recipe")?;
    Ok((format!("recipes/{file}"), text, Origin::Embedded))
}

/// Resolves the paths in `recipe` against its own folder, so that they still mean the same after
/// it was merged with another. Names without a slash or a suffix stay names.
fn anchored(mut recipe: Recipe, origin: &Origin) -> Recipe {
    let anchor = |text: String| {
        let is_path = text.contains('/') || text.contains('.');
        if is_path {
            origin.join(&text).to_string_lossy().into_owned()
        } else {
            text
        }
    };
    recipe.base = recipe.base.map(|base| base.map(anchor));
    recipe.overlays = recipe
        .overlays
        .map(|overlays| overlays.into_iter().map(anchor).collect());
    recipe
        .system
        .anchor(|file| origin.join(file).to_string_lossy().into_owned());
    recipe
}

/// Refuses a recipe that has a password in it and that others can read.
fn refuse_readers(label: &str, origin: &Origin) -> anyhow::Result<()> {
    if *origin == Origin::Embedded {
        return Ok(());
    }
    let meta = fs::metadata(label).with_context(|| format!("looking at recipe {label}"))?;
    let mode = meta.permissions().mode() & 0o777;
    // Neither the group nor others have any of it.
    if mode.trailing_zeros() >= 6 {
        return Ok(());
    }
    let text = format!("{label} has a password in it, and others can read it (mode {mode:04o})");
    let hint = format!(
        "`chmod 600 {label}`, or put the password into a file of its own: `password-file: FILE`"
    );
    Err(Fault::input(text).hint(hint).into())
}
