//! Fields taken from the front of a packet's body.

use bytes::{Buf, Bytes};

use super::error::DecodeError;
use super::packet::{PacketId, QoS};
use super::text::Text;

/// The bytes of one packet after its fixed header. It holds no others, so nothing read from it can come from
/// the packet that follows.
#[derive(Debug, Clone)]
pub(super) struct Body(Bytes);

impl Body {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        self.0.try_get_u8().map_err(|_short| DecodeError::Short)
    }

    pub(super) fn two_bytes(&mut self) -> Result<u16, DecodeError> {
        self.0.try_get_u16().map_err(|_short| DecodeError::Short)
    }

    pub(super) fn four_bytes(&mut self) -> Result<u32, DecodeError> {
        self.0.try_get_u32().map_err(|_short| DecodeError::Short)
    }

    /// A number in one to four bytes of seven bits each (section 1.5.5 of version 5).
    pub(super) fn variable(&mut self) -> Result<u32, DecodeError> {
        let mut number = 0;
        for place in 0..4 {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7F) << (7 * place);
            if byte & 0x80 == 0 {
                // [MQTT-1.5.5-1]: in as few bytes as possible.
                return if byte == 0 && place > 0 {
                    Err(DecodeError::VariableLength)
                } else {
                    Ok(number)
                };
            }
        }
        Err(DecodeError::VariableLength)
    }

    /// As many bytes as a variable number before them says, as a body of their own.
    pub(super) fn part(&mut self) -> Result<Self, DecodeError> {
        let length = self.variable()? as usize;
        if length > self.0.len() {
            return Err(DecodeError::Short);
        }
        Ok(Self(self.0.split_to(length)))
    }

    /// Bytes with their length as a 16-bit number before them.
    pub(super) fn binary(&mut self) -> Result<Bytes, DecodeError> {
        let length = usize::from(self.two_bytes()?);
        if length > self.0.len() {
            return Err(DecodeError::Short);
        }
        Ok(self.0.split_to(length))
    }

    pub(super) fn text(&mut self) -> Result<Text, DecodeError> {
        Text::try_from(self.binary()?)
    }

    pub(super) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.two_bytes()?).ok_or(DecodeError::PacketIdZero)
    }

    /// The quality of service of a topic filter; the other six bits are reserved [MQTT-3-8.3-4].
    pub(super) fn requested_qos(&mut self) -> Result<QoS, DecodeError> {
        let byte = self.byte()?;
        QoS::from_bits(byte).ok_or(DecodeError::QoS(byte))
    }

    /// What is left.
    pub(super) fn rest(self) -> Bytes {
        self.0
    }

    /// Says that the last field was read.
    pub(super) fn end(&self) -> Result<(), DecodeError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Trailing(self.0.len()))
        }
    }
}
