//! YAML in, values out, errors with file, line, column and what was meant. The only place that
//! knows `serde_yaml`'s errors, so that it can be exchanged.

use serde::de::DeserializeOwned;

use crate::hint::{Fault, nearest};

/// Parses `text`, which people know as `name`.
///
/// # Errors
///
/// A [`Fault`] of the user's: `NAME:LINE:COLUMN: what`, with the nearest known key as hint.
pub fn parse<T: DeserializeOwned>(name: &str, text: &str) -> anyhow::Result<T> {
    serde_yaml::from_str(text).map_err(|error| explain(name, text, &error).into())
}

fn explain(name: &str, text: &str, error: &serde_yaml::Error) -> Fault {
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(before, _)| before);
    let Some(at) = error.location() else {
        return Fault::input(format!("{name}: {message}"));
    };
    let (mut line, mut column) = (at.line(), at.column());
    let Some((key, known)) = unknown_field(message) else {
        return Fault::input(format!("{name}:{line}:{column}: {message}"));
    };
    if let Some(found) = find_key(text, key, line) {
        (line, column) = found;
    }
    let fault = Fault::input(format!("{name}:{line}:{column}: unknown key {key:?}"));
    match nearest(key, known.iter().copied()) {
        Some(near) => fault.hint(format!("did you mean {near:?}?")),
        None => fault.hint(format!("the keys here are {}", known.join(", "))),
    }
}

/// Takes serde's sentence apart: "unknown field `x`, expected one of `a`, `b`".
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let (_, rest) = message.split_once("unknown field `")?;
    let mut quoted = rest.split('`');
    let key = quoted.next()?;
    Some((key, quoted.skip(1).step_by(2).collect()))
}

/// Finds `key:` in `text`, preferably in line `from` or after it. Lines and columns count from 1.
fn find_key(text: &str, key: &str, from: usize) -> Option<(usize, usize)> {
    let in_line = |line: &str| {
        line.match_indices(key)
            .find(|(start, _)| {
                let before = line[..*start].chars().next_back();
                let after = line[start + key.len()..]
                    .trim_start_matches(['"', '\''])
                    .trim_start();
                before.is_none_or(|c| matches!(c, ' ' | '{' | ',' | '"' | '\''))
                    && after.starts_with(':')
            })
            .map(|(start, _)| line[..start].chars().count() + 1)
    };
    let found: Vec<_> = text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, in_line(line)?)))
        .collect();
    found
        .iter()
        .find(|(line, _)| *line >= from)
        .or(found.last())
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    fn error(text: &str) -> String {
        let error = parse::<Recipe>("my.yaml", text).unwrap_err();
        format!("{error} | {}", crate::hint::of(&error).unwrap_or_default())
    }

    #[test]
    fn a_typo_is_named_with_its_place_and_the_nearest_key() {
        insta::assert_snapshot!(
            error("description: x\nsystem:\n  timezone: UTC\n  logn: {name: pi}\n"),
            @r#"my.yaml:4:3: unknown key "logn" | did you mean "login"?"#
        );
        insta::assert_snapshot!(error("overlay: [a]\n"), @r#"my.yaml:1:1: unknown key "overlay" | did you mean "overlays"?"#);
    }

    #[test]
    fn a_wrong_type_and_broken_syntax_are_named_with_their_place() {
        insta::assert_snapshot!(
            error("description: x\noverlays: broker\n"),
            @r#"my.yaml:2:11: overlays: invalid type: string "broker", expected a sequence | "#
        );
        insta::assert_snapshot!(
            error("description: x\noverlays: [a, b\n"),
            @"my.yaml:3:1: did not find expected ',' or ']' at line 3 column 1, while parsing a flow sequence | "
        );
    }
}
