//! Words of files in messages, without what may be a secret.
//!
//! Whoever mixes up two files has a password file read as an ACL file or as a configuration, or a key. What is said
//! of its lines goes to the log, and from there perhaps to a topic.

/// The longest word that is quoted: longer than any option, and shorter than a line of a key.
const MAX_LENGTH: usize = 48;

/// The first word of a line in quotes: up to its first colon, because passwords and hashes come after one, and not
/// at all if it is like a hash or key.
pub(crate) fn word(word: &str) -> String {
    let (shown, rest) = word.split_at(word.find(':').map_or(word.len(), |colon| colon + 1));
    if shown.contains('$') {
        return "a word with a $ in it".to_owned();
    }
    if shown.len() > MAX_LENGTH {
        return format!("a word of {} bytes", shown.len());
    }
    let more = if rest.is_empty() { "" } else { "…" };
    format!("{:?}", format!("{shown}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_quoted() {
        for (text, expected) in [
            ("topc", r#""topc""#),
            ("listener\t1", r#""listener\t1""#),
            ("listener:", r#""listener:""#),
            ("fred:flintstone", r#""fred:…""#),
            ("fred:$7$101$c2FsdA==$ZGlnZXN0", r#""fred:…""#),
            (":secret", r#"":…""#),
            ("$7$101$c2FsdA==$ZGlnZXN0", "a word with a $ in it"),
            ("fr$ed:flintstone", "a word with a $ in it"),
            (
                "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
                "a word of 64 bytes",
            ),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
