//! Rendering `*.tera`.

use tera::{Context, Tera};

use crate::hint::Fault;

/// Files that end so are rendered, and lose the suffix.
pub(super) const SUFFIX: &str = ".tera";

/// Renders `text`, which people know as `name`.
///
/// # Errors
///
/// A [`Fault`] of the user's with tera's report: file, line, the place underlined.
pub(super) fn render(name: &str, text: &str, context: &Context) -> Result<String, Fault> {
    let mut tera = Tera::new();
    // What is rendered are configuration files; HTML's escapes would damage them.
    tera.autoescape_on(Vec::<&'static str>::new());
    tera.add_raw_template(name, text)
        .and_then(|()| tera.render(name, context))
        .map_err(|error| Fault::input(format!("{name} can't be rendered: {error}")))
}
