//! Words from a card, on a terminal.

/// `text` with control characters written out: names on a card may hold anything.
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let plain = !c.is_control();
            let escaped = (!plain).then(|| c.escape_default());
            plain
                .then_some(c)
                .into_iter()
                .chain(escaped.into_iter().flatten())
        })
        .collect()
}

/// A line of a console for another terminal: without the colors and moves that were meant for its own.
pub fn console(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        // A control sequence ends with its first letter (ECMA-48, 5.4).
        let end = after.find(|c: char| ('@'..='~').contains(&c));
        rest = end.map_or("", |end| after.get(end + 1..).unwrap_or_default());
    }
    plain.push_str(rest);
    printable(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_say_nothing_to_a_terminal() {
        assert_eq!(printable("/etc/\u{1b}[2J\nü"), "/etc/\\u{1b}[2J\\nü");
    }

    #[test]
    fn a_console_shows_its_words_alone() {
        let line = "[\u{1b}[0;32m  OK  \u{1b}[0m] Started \u{1b}[0;1;39mssh\u{1b}[0m.\u{1b}[K";
        assert_eq!(console(line), "[  OK  ] Started ssh.");
        assert_eq!(
            console("\u{1b}]0;title\u{7}\u{1b}[12"),
            "\\u{1b}]0;title\\u{7}"
        );
    }
}
