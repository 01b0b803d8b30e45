//! The table of options in Markdown.

use std::fmt::Write as _;

use super::{heading, remarks, support};
use crate::config::{OptionSpec, Scope, options};

/// The options as a table for each section.
pub fn markdown() -> String {
    let mut text = "<!-- Made from the broker's table of options: `mqtt-broker options --format markdown`. -->\n"
        .to_owned();
    for scope in Scope::ALL {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n### {}\n\n| Option | Value | Default | Reload | Support | What it is |\n|---|---|---|---|---|---|\n",
            heading(scope)
        );
        for option in options().filter(|option| option.scope == scope) {
            row(option, &mut text);
        }
    }
    text
}

fn row(option: &OptionSpec, text: &mut String) {
    let sentences: Vec<_> = std::iter::once(option.help.to_owned())
        .chain(remarks(option))
        .collect();
    let works = option.support == crate::config::Support::Yes;
    let reload = match (works, option.reload) {
        (false, _) => "",
        (true, true) => "yes",
        (true, false) => "no",
    };
    let _ = writeln!(
        text,
        "| `{}` | `{}` | {} | {reload} | {} | {} |",
        option.name,
        option.syntax.replace('|', "\\|"),
        if works {
            escaped(option.default)
        } else {
            String::new()
        },
        support(option),
        escaped(&sentences.join(" ")),
    );
}

/// Text with what means something in a table escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '|' | '_' | '*' | '<') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}
