//! Addresses of files.

use std::fmt::Write;
use std::path::Path;

/// The address of a file on this computer; `path` is absolute.
pub(super) fn of_file(path: &Path) -> String {
    format!(
        "file://{}",
        encode(path.as_os_str().as_encoded_bytes(), true)
    )
}

/// A name as part of an address.
pub(super) fn encode_name(name: &str) -> String {
    encode(name.as_bytes(), false)
}

/// What RFC 3986 calls unreserved stays, and in a path the slashes; all else is written in hexadecimal digits.
fn encode(bytes: &[u8], is_path: bool) -> String {
    let mut text = String::new();
    for byte in bytes {
        let stays =
            byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || (is_path && *byte == b'/');
        if stays {
            text.push(char::from(*byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_file_is_called_its_address_has_only_what_an_address_may_have() {
        assert_eq!(
            of_file(Path::new("/home/Zoë/a b#c%.img")),
            "file:///home/Zo%C3%AB/a%20b%23c%25.img"
        );
        assert_eq!(encode_name("a/b+c.img"), "a%2Fb%2Bc.img");
    }
}
