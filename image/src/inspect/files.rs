//! Small texts of a card.

use crate::card::{Card, CardError};

/// The text at `path`; empty if nothing is there.
pub(super) fn text(card: &Card, path: &str) -> Result<String, CardError> {
    let bytes = card.read(path)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The value of `key` in lines of `KEY=value`, without quotes; the last one counts.
pub(super) fn assigned(text: &str, key: &str) -> Option<String> {
    let mut values = text.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
    });
    values.next_back().filter(|value| !value.is_empty())
}

/// The value of `key` in `section` of a keyfile as NetworkManager writes it.
pub(super) fn keyed(text: &str, section: &str, key: &str) -> Option<String> {
    let wanted = format!("[{section}]");
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == wanted;
        } else if inside
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}
