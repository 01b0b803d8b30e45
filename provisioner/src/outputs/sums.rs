//! `SHA256SUMS`: digests as `sha256sum --check` reads them, one list for a folder.

use std::collections::BTreeMap;

/// The list in `old` with the lines of `ours` taken out and new ones put in; lines of other files stay as and
/// where they are.
///
/// `ours` names all files that belong to an image, with their digests, or without where there is none to
/// tell. Returns `None` if nothing is left to be said.
pub(super) fn updated(old: &str, ours: &BTreeMap<String, Option<String>>) -> Option<String> {
    let mut text = String::new();
    for line in old.lines() {
        let is_ours = name_in(line).is_some_and(|name| ours.contains_key(&name));
        if !is_ours {
            text.push_str(line);
            text.push('\n');
        }
    }
    for (name, digest) in ours {
        if let Some(digest) = digest {
            text.push_str(&line(name, digest));
        }
    }
    (!text.trim().is_empty()).then_some(text)
}

/// A name with a backslash is escaped, and its line says so by beginning with one. Names with line breaks there are
/// none (see [`Names`](super::Names)).
fn line(name: &str, digest: &str) -> String {
    let escaped = name.replace('\\', "\\\\");
    let mark = if escaped == name { "" } else { "\\" };
    format!("{mark}{digest}  {escaped}\n")
}

/// The name in a line: behind the digest, a space, and a space or an asterisk.
fn name_in(line: &str) -> Option<String> {
    let (line, is_escaped) = match line.strip_prefix('\\') {
        Some(line) => (line, true),
        None => (line, false),
    };
    let (_, name) = line.split_at_checked(64)?;
    let name = name
        .strip_prefix("  ")
        .or_else(|| name.strip_prefix(" *"))?;
    let name = name.strip_prefix("./").unwrap_or(name);
    Some(if is_escaped {
        name.replace("\\\\", "\\")
    } else {
        name.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_others_stay_and_ours_are_replaced() {
        let digest = |digit: char| digit.to_string().repeat(64);
        let old = format!(
            "# a comment\n{}  other.img\n{} *pi.img\n{}  ./pi.img.bmap\n\\{}  a\\\\b.img\n",
            digest('1'),
            digest('2'),
            digest('3'),
            digest('4')
        );
        let ours = BTreeMap::from([
            ("pi.img".to_owned(), Some(digest('a'))),
            ("pi.img.bmap".to_owned(), None),
            ("a\\b.img".to_owned(), Some(digest('b'))),
        ]);
        let expected = format!(
            "# a comment\n{}  other.img\n\\{}  a\\\\b.img\n{}  pi.img\n",
            digest('1'),
            digest('b'),
            digest('a')
        );
        assert_eq!(updated(&old, &ours).unwrap(), expected);
        assert_eq!(updated(&expected, &ours).unwrap(), expected);
        let gone = BTreeMap::from([("pi.img".to_owned(), None)]);
        assert_eq!(updated(&format!("{}  pi.img\n", digest('2')), &gone), None);
    }
}
