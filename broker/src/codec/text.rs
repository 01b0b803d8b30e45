//! A text as it stands in a packet.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use bytestring::ByteString;

use super::error::DecodeError;

/// A text that can stand in a packet: UTF-8 without the null character, at most 65,535 bytes.
///
/// It shares the buffer it was read from: a clone costs a reference count.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(ByteString);

impl Text {
    /// The longest text in bytes: its length is a 16-bit field (section 1.5.3).
    pub const MAX_LENGTH: usize = u16::MAX as usize;

    /// Copies `text`, or returns `None` if it can't stand in a packet.
    pub fn new(text: &str) -> Option<Self> {
        Self::try_from(Bytes::copy_from_slice(text.as_bytes())).ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes, shared.
    pub fn as_bytes(&self) -> &Bytes {
        self.0.as_bytes()
    }

    /// A copy with memory of its own, for a text that is kept longer than the packet it came in.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self(ByteString::from(self.as_str()))
    }

    /// The length as the wire has it.
    pub(super) fn wire_length(&self) -> u16 {
        // No text longer than this can be made.
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }
}

impl TryFrom<Bytes> for Text {
    type Error = DecodeError;

    /// Surrogates are no valid UTF-8 [MQTT-1.5.3-1]; the null character is forbidden [MQTT-1.5.3-2].
    fn try_from(bytes: Bytes) -> Result<Self, DecodeError> {
        if bytes.len() > Self::MAX_LENGTH || bytes.contains(&0) {
            return Err(DecodeError::Text);
        }
        ByteString::try_from(bytes)
            .map(Self)
            .map_err(|_invalid| DecodeError::Text)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
