//! Rules that several keys have in common. Every error names its key.

use crate::hint::Fault;

/// Refuses a value that would mean something else where it is written: a line break, a quote, nothing.
pub(in crate::recipe) fn words(
    key: &str,
    value: &str,
    allowed: impl Fn(char) -> bool,
) -> anyhow::Result<()> {
    if value.is_empty() || !value.chars().all(allowed) {
        return Err(Fault::input(format!(
            "{key}: {value:?} has characters that none of its values has"
        ))
        .into());
    }
    Ok(())
}

/// Refuses what is no host name and no address.
pub(super) fn host(key: &str, value: &str) -> anyhow::Result<()> {
    value
        .parse::<crate::pki::AltName>()
        .map(drop)
        .map_err(|error| Fault::input(format!("{key}: {error}")).into())
}

/// What the built-in default recipe would lack, if it lacked `key`.
pub(in crate::recipe) fn incomplete(key: &str) -> String {
    format!("the built-in default recipe has no {key}")
}
