//! The table of options for a terminal.

use std::fmt::Write as _;

use super::{heading, remarks};
use crate::config::{OptionSpec, Scope, Support, options};

/// The columns that a line of text takes.
const WIDTH: usize = 100;

/// The options whose names contain one of `words`, or all if there are none, section by section.
pub fn listing(words: &[String]) -> String {
    let wanted = |option: &&OptionSpec| {
        words.is_empty() || words.iter().any(|word| option.name.contains(word.as_str()))
    };
    let mut text = String::new();
    for scope in Scope::ALL {
        let found: Vec<_> = options()
            .filter(|option| option.scope == scope)
            .filter(wanted)
            .collect();
        if found.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(heading(scope));
        text.push('\n');
        for option in found {
            entry(option, &mut text);
        }
    }
    text
}

fn entry(option: &OptionSpec, text: &mut String) {
    // Writing to a String does not fail.
    let _ = match option.support {
        Support::Yes => writeln!(
            text,
            "\n  {} {}  (default: {})",
            option.name, option.syntax, option.default
        ),
        Support::Ignored(_) | Support::Refused(_) => {
            writeln!(text, "\n  {} {}", option.name, option.syntax)
        }
    };
    let sentences = std::iter::once(option.help.to_owned()).chain(remarks(option));
    for line in wrapped(&sentences.collect::<Vec<_>>().join(" "), WIDTH - 6) {
        let _ = writeln!(text, "      {line}");
    }
}

/// Breaks a text at its spaces into lines of at most `width` characters, a longer word alone in its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut();
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
