//! The primitives of the file: numbers, texts, byte strings and moments.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::codec::{PacketId, QoS, Text};
use crate::router::Scope;

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
pub(super) struct Reader {
    bytes: Bytes,
    /// The format that the bytes are in.
    pub(super) format: u16,
    /// Where and when they are read.
    pub(super) context: Context,
    /// The numbers that listeners have in the bytes, and now.
    pub(super) listeners: Vec<(usize, usize)>,
}

impl Reader {
    pub(super) fn new(bytes: Bytes, context: Context) -> Self {
        Self {
            bytes,
            format: 0,
            context,
            listeners: Vec::new(),
        }
    }

    pub(super) fn u8(&mut self) -> Result<u8, FormatError> {
        self.bytes.try_get_u8().map_err(|_short| FormatError::Short)
    }

    pub(super) fn u16(&mut self) -> Result<u16, FormatError> {
        self.bytes
            .try_get_u16()
            .map_err(|_short| FormatError::Short)
    }

    pub(super) fn u32(&mut self) -> Result<u32, FormatError> {
        self.bytes
            .try_get_u32()
            .map_err(|_short| FormatError::Short)
    }

    pub(super) fn u64(&mut self) -> Result<u64, FormatError> {
        self.bytes
            .try_get_u64()
            .map_err(|_short| FormatError::Short)
    }

    /// A field that may be absent, which a flag before it says.
    pub(super) fn optional<T>(
        &mut self,
        field: impl FnOnce(&mut Self) -> Result<T, FormatError>,
    ) -> Result<Option<T>, FormatError> {
        if self.flag()? {
            field(self).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A moment, written in seconds since 1970.
    pub(super) fn moment(&mut self) -> Result<Instant, FormatError> {
        let seconds = self.u64()?;
        Ok(self.context.instant(seconds))
    }

    /// The number that a listener has now.
    pub(super) fn listener(&mut self) -> Result<usize, FormatError> {
        let number = usize::from(self.u16()?);
        let known = self.listeners.iter().find(|entry| entry.0 == number);
        // One that was removed while the broker ran is not in the table.
        Ok(known.map_or_else(|| self.context.first_listener(), |entry| entry.1))
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, FormatError> {
        let length = usize::try_from(self.u32()?).map_err(|_huge| FormatError::Short)?;
        if length > self.bytes.len() {
            return Err(FormatError::Short);
        }
        // A copy, so that one message that stays does not keep the whole file in memory.
        Ok(Bytes::copy_from_slice(&self.bytes.split_to(length)))
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
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(FormatError::Trailing(self.bytes.len()))
        }
    }
}

/// Where and when a file is written or read.
#[derive(Debug, Clone)]
pub struct Context {
    /// Now, by the clock that only goes forward.
    pub now: Instant,
    /// Now, in seconds since 1970: what holds over a restart.
    pub seconds: u64,
    /// The listeners.
    pub listeners: Vec<ListenerName>,
}

/// A listener as it is known again after a restart, when it may have another number.
#[derive(Debug, Clone)]
pub struct ListenerName {
    /// Its number now.
    pub number: usize,
    /// Where it listens.
    pub name: String,
    /// Where the names and topics of its clients are what they are.
    pub scope: Arc<Scope>,
}

impl Context {
    /// That of this moment.
    pub fn now(listeners: Vec<ListenerName>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            now: Instant::now(),
            seconds: since.map_or(0, |since| since.as_secs()),
            listeners,
        }
    }

    /// The number of the listener that stands for one that is gone.
    pub(super) fn first_listener(&self) -> usize {
        self.listeners.first().map_or(0, |listener| listener.number)
    }

    /// The number that the listener with this name has.
    pub(super) fn number_of(&self, name: &str) -> usize {
        let known = self.listeners.iter().find(|listener| listener.name == name);
        known.map_or_else(|| self.first_listener(), |listener| listener.number)
    }

    /// Where the names of the clients of the listener with this number are what they are.
    pub(super) fn scope_of(&self, number: usize) -> Arc<Scope> {
        let known = self
            .listeners
            .iter()
            .find(|listener| listener.number == number);
        known.map_or_else(Arc::default, |listener| Arc::clone(&listener.scope))
    }

    /// The same as of a moment not before `seconds` since 1970: a board without a clock may start with an earlier one,
    /// and then no time has passed.
    pub(super) fn no_earlier_than(&self, seconds: u64) -> Self {
        Self {
            seconds: self.seconds.max(seconds),
            ..self.clone()
        }
    }

    /// Seconds since 1970, parts of one cut off.
    pub(super) fn unix(&self, moment: Instant) -> u64 {
        let ahead = moment.saturating_duration_since(self.now);
        let behind = self.now.saturating_duration_since(moment);
        (self.seconds + whole_seconds(ahead)).saturating_sub(behind.as_secs())
    }

    /// The moment of a time in seconds since 1970; one before the machine was started is the start at the
    /// earliest that can be said.
    fn instant(&self, seconds: u64) -> Instant {
        let ahead = Duration::from_secs(seconds.saturating_sub(self.seconds));
        let behind = Duration::from_secs(self.seconds.saturating_sub(seconds));
        let later = self.now.checked_add(ahead).unwrap_or(self.now);
        later.checked_sub(behind).unwrap_or(later)
    }
}

/// A time in seconds, begun ones counted.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Appends a field that may be absent.
pub(super) fn put_optional<T>(
    field: Option<T>,
    out: &mut BytesMut,
    put: impl FnOnce(T, &mut BytesMut),
) {
    out.put_u8(field.is_some().into());
    if let Some(field) = field {
        put(field, out);
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
