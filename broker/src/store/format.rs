//! The primitives of the file: numbers, texts and byte strings.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::codec::{PacketId, QoS, Text};

/// Why bytes are no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FormatError {
    /// It does not begin as one.
    #[error("it is no database of this broker")]
    Magic,
    /// It was written by a later version.
    #[error("its format is {0}, this broker knows up to {known}", known = super::snapshot::FORMAT)]
    Version(u16),
    /// It was cut short or changed.
    #[error("its checksum is wrong: it was cut short or changed")]
    Checksum,
    /// It ends before its fields do.
    #[error("it ends in the middle of a record")]
    Short,
    /// It goes on after its last field.
    #[error("it has {0} bytes after its last record")]
    Trailing(usize),
    /// A field has a value that it can't have.
    #[error("a field has an impossible value")]
    Value,
}

/// Reads fields from the front of bytes.
pub(super) struct Reader(pub(super) Bytes);

impl Reader {
    pub(super) fn u8(&mut self) -> Result<u8, FormatError> {
        self.0.try_get_u8().map_err(|_short| FormatError::Short)
    }

    pub(super) fn u16(&mut self) -> Result<u16, FormatError> {
        self.0.try_get_u16().map_err(|_short| FormatError::Short)
    }

    pub(super) fn u32(&mut self) -> Result<u32, FormatError> {
        self.0.try_get_u32().map_err(|_short| FormatError::Short)
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, FormatError> {
        let length = usize::try_from(self.u32()?).map_err(|_huge| FormatError::Short)?;
        if length > self.0.len() {
            return Err(FormatError::Short);
        }
        // A copy, so that one message that stays does not keep the whole file in memory.
        Ok(Bytes::copy_from_slice(&self.0.split_to(length)))
    }

    pub(super) fn text(&mut self) -> Result<Text, FormatError> {
        Text::try_from(self.bytes()?).map_err(|_invalid| FormatError::Value)
    }

    pub(super) fn qos(&mut self) -> Result<QoS, FormatError> {
        QoS::from_bits(self.u8()?).ok_or(FormatError::Value)
    }

    pub(super) fn flag(&mut self) -> Result<bool, FormatError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FormatError::Value),
        }
    }

    pub(super) fn packet_id(&mut self) -> Result<PacketId, FormatError> {
        PacketId::new(self.u16()?).ok_or(FormatError::Value)
    }

    /// As many records as a number before them says.
    pub(super) fn list<T>(
        &mut self,
        mut record: impl FnMut(&mut Self) -> Result<T, FormatError>,
    ) -> Result<Vec<T>, FormatError> {
        let count = self.u32()?;
        // Grown as records come: the number itself is not to be trusted with memory.
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(record(self)?);
        }
        Ok(list)
    }

    pub(super) fn end(&self) -> Result<(), FormatError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(FormatError::Trailing(self.0.len()))
        }
    }
}

/// Appends a number of records. Memory ends long before 32 bits do.
pub(super) fn put_count(count: usize, out: &mut BytesMut) {
    out.put_u32(u32::try_from(count).unwrap_or(u32::MAX));
}

pub(super) fn put_bytes(bytes: &[u8], out: &mut BytesMut) {
    put_count(bytes.len(), out);
    out.put_slice(bytes);
}
