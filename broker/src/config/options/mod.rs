//! The table of mosquitto.conf's options: the one place that says what each is, and what becomes of it.

mod bridge;
mod general;
mod limits;
mod listener;
mod logging;
mod security;
mod spec;
mod tls;

use strsim::damerau_levenshtein;

pub(super) use spec::{Action, Line};
pub use spec::{Arity, OptionSpec, Origin, Repeat, Scope, Support};

/// All options, in the order of the manual's sections.
pub fn options() -> impl Iterator<Item = &'static OptionSpec> {
    [
        general::OPTIONS,
        limits::OPTIONS,
        security::OPTIONS,
        logging::OPTIONS,
        listener::OPTIONS,
        tls::OPTIONS,
        bridge::OPTIONS,
    ]
    .into_iter()
    .flatten()
}

/// The option called `name`.
pub(super) fn find(name: &str) -> Option<&'static OptionSpec> {
    options().find(|option| match option.name.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => option.name == name,
    })
}

/// The option whose name is most like `name`, if one is near enough to have been meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    // Longer than any option, it is nothing misspelled, and comparing takes length times length.
    if name.len() > 64 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let distances = options().map(|option| (damerau_levenshtein(option.name, &name), option.name));
    let (distance, nearest) = distances.min()?;
    if distance <= 1 + name.len() / 5 {
        return Some(nearest);
    }
    // Written out, or cut short: `log_destination`, `include`.
    let whole = |option: &&OptionSpec| {
        option.name.len().min(name.len()) > 5
            && (name.starts_with(option.name) || option.name.starts_with(&name))
    };
    options().find(whole).map(|option| option.name)
}
