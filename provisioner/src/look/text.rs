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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_say_nothing_to_a_terminal() {
        assert_eq!(printable("/etc/\u{1b}[2J\nü"), "/etc/\\u{1b}[2J\\nü");
    }
}
