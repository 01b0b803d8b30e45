//! Connection profiles of NetworkManager: its keyfile format, which is that of `GLib` with rules of its own for bytes.

use std::fmt::Write as _;

/// A profile that is being written.
#[derive(Debug)]
pub(super) struct Keyfile {
    text: String,
}

impl Keyfile {
    /// A profile for a kind of connection: `ethernet`, `wifi`. `comment` is one line for people; `name` is what
    /// tells it from others of its kind.
    pub(super) fn new(comment: &str, kind: &str, name: &[u8]) -> Self {
        let mut file = Self {
            text: format!("# {comment}\n"),
        };
        file.section("connection");
        file.set("id", &shown(name));
        file.set("uuid", &uuid(kind, name));
        file.set("type", kind);
        file
    }

    /// Begins a section.
    pub(super) fn section(&mut self, name: &str) {
        let gap = if self.text.lines().count() > 1 {
            "\n"
        } else {
            ""
        };
        // Writing into a text can't fail.
        let _ = writeln!(self.text, "{gap}[{name}]");
    }

    /// Sets a key to a text.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.text, "{key}={}", escaped(value));
    }

    /// Sets a key to bytes.
    pub(super) fn set_bytes(&mut self, key: &str, bytes: &[u8]) {
        let _ = writeln!(self.text, "{key}={}", self::bytes(bytes));
    }

    /// Sets a key to a list, none of whose items has a semicolon.
    pub(super) fn set_list(&mut self, key: &str, items: impl IntoIterator<Item = String>) {
        let list: String = items.into_iter().map(|item| item + ";").collect();
        if !list.is_empty() {
            let _ = writeln!(self.text, "{key}={list}");
        }
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// A name as people see it: in hexadecimal digits, if it is no text or if its text would deceive.
fn shown(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) if text.trim() == text && !text.chars().any(char::is_control) => text.to_owned(),
        _ => data_encoding::HEXLOWER.encode(name),
    }
}

/// The escapes of `GLib`: a backslash, white space that isn't a space, and a space at the beginning, which would be
/// taken for none.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for (index, c) in value.char_indices() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            ' ' if index == 0 => text.push_str("\\s"),
            c => text.push(c),
        }
    }
    text
}

/// A name as text if it can't be taken for anything else, and as a list of numbers otherwise.
fn bytes(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" -_.+".contains(byte);
    let edged = bytes.first() == Some(&b' ') || bytes.last() == Some(&b' ');
    match std::str::from_utf8(bytes) {
        Ok(text) if !edged && bytes.iter().all(plain) => text.to_owned(),
        _ => bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte};");
            text
        }),
    }
}

/// A UUID of version 5 (RFC 9562 section 5.5) of a connection: the same name, the same UUID, on every card.
pub(super) fn uuid(kind: &str, name: &[u8]) -> String {
    // Made once, for this purpose: the name space of connections on cards.
    const SPACE: [u8; 16] = [
        0x7a, 0x1c, 0x4f, 0x0e, 0x9b, 0x52, 0x4d, 0x3a, 0x8e, 0x61, 0x2f, 0xd0, 0x53, 0xc8, 0xaa,
        0x17,
    ];
    let mut hash = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    for part in [&SPACE, kind.as_bytes(), &[0], name] {
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finish().as_ref()[..16]);
    bytes[6] = (bytes[6] & 0x0F) | 0x50;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_taken_for_something_else_is_written_in_numbers() {
        let written = [
            &b"home net-5"[..],
            b" edge",
            b"a;b",
            "caf\u{e9}".as_bytes(),
            b"\xff\x00",
            b"70;",
        ]
        .map(bytes);
        insta::assert_debug_snapshot!(written, @r#"
        [
            "home net-5",
            "32;101;100;103;101;",
            "97;59;98;",
            "99;97;102;195;169;",
            "255;0;",
            "55;48;59;",
        ]
        "#);
    }

    #[test]
    fn a_connection_has_the_same_uuid_on_every_card_and_another_than_its_neighbour() {
        let one = uuid("wifi", b"home");
        assert_eq!(one, uuid("wifi", b"home"));
        assert_ne!(one, uuid("wifi", b"homE"));
        assert_ne!(one, uuid("ethernet", b"home"));
        assert_eq!(one.as_bytes()[14], b'5', "version of {one}");
    }
}
