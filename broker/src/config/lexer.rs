//! Lines of mosquitto.conf, split into option and value.

/// A line that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// The line's number, from 1.
    pub(super) line: usize,
    /// The option: all up to the first space.
    pub(super) name: &'a str,
    /// What follows it, without blanks at the ends; empty if there is nothing.
    pub(super) value: &'a str,
}

/// The lines of `text` that are neither empty nor comments.
///
/// `#` begins a comment only as the very first character of a line: a password or topic may contain one. As
/// Mosquitto does, it accepts several spaces where one is asked for, blanks at the ends of a line, and CRLF; a
/// tab separates nothing.
pub(super) fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    // Editors on Windows write a byte-order mark, and it is never part of an option.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#'))
        .filter_map(|(index, line)| {
            let line = line.trim_start_matches(' ').trim_end();
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            (!name.is_empty()).then_some(Word {
                line: index + 1,
                name,
                value: value.trim(),
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_first_character_begins_a_comment() {
        let text = "\u{feff}# comment\nport 1883\r\n\r\n  # not one\n\
                    local_password #1 of all \nlistener\t1\n retain_available  true\n";
        let found: Vec<_> = words(text)
            .map(|word| (word.line, word.name, word.value))
            .collect();
        assert_eq!(
            found,
            [
                (2, "port", "1883"),
                (4, "#", "not one"),
                (5, "local_password", "#1 of all"),
                (6, "listener\t1", ""),
                (7, "retain_available", "true"),
            ]
        );
    }
}
