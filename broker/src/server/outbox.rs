//! The bytes that wait to be written to one connection.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use crate::codec::{EncodeError, Packet, PublishFrame, PublishHead, Version, encode};

/// From this size on a payload is not copied behind its header but written from where it is.
const SHARE_FROM: usize = 2048;

/// The most pieces of one vectored write.
const MAX_SLICES: usize = 32;

/// Packets in the form of bytes, to be written with as few calls as possible.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// What comes first.
    pieces: VecDeque<Bytes>,
    /// Small packets one after the other, behind the pieces.
    tail: BytesMut,
    length: usize,
    put: Put,
    /// Bytes were written but may still be in the encryption's own buffer.
    unflushed: bool,
}

/// What was put into an outbox.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Put {
    /// Packets of any kind.
    pub(super) packets: u32,
    /// Those that are messages.
    pub(super) messages: u32,
    /// The bytes of their payloads.
    pub(super) payload: usize,
}

impl Outbox {
    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is left to do.
    pub(super) fn is_idle(&self) -> bool {
        self.length == 0 && !self.unflushed
    }

    /// What was put in since this was last asked.
    pub(super) fn take_put(&mut self) -> Put {
        std::mem::take(&mut self.put)
    }

    /// Appends a packet.
    pub(super) fn packet(&mut self, packet: &Packet, version: Version) -> Result<(), EncodeError> {
        let before = self.tail.len();
        encode(packet, version, &mut self.tail)?;
        self.length += self.tail.len() - before;
        self.put.packets += 1;
        Ok(())
    }

    /// Appends a packet unless it has more bytes than this, and says whether it did.
    pub(super) fn packet_within(
        &mut self,
        packet: &Packet,
        version: Version,
        limit: usize,
    ) -> Result<bool, EncodeError> {
        let before = self.tail.len();
        encode(packet, version, &mut self.tail)?;
        let size = self.tail.len() - before;
        if size > limit {
            self.tail.truncate(before);
            return Ok(false);
        }
        self.length += size;
        self.put.packets += 1;
        Ok(true)
    }

    /// Appends a message.
    pub(super) fn publish(&mut self, frame: &PublishFrame, head: &PublishHead<'_>) {
        let before = self.tail.len();
        frame.put_head(head, &mut self.tail);
        self.length += self.tail.len() - before + frame.payload().len();
        self.put.packets += 1;
        self.put.messages += 1;
        self.put.payload += frame.payload().len();
        if frame.payload().len() < SHARE_FROM {
            self.tail.extend_from_slice(frame.payload());
        } else {
            self.pieces.push_back(self.tail.split().freeze());
            self.pieces.push_back(frame.payload().clone());
        }
    }

    /// Writes until nothing is left or the peer takes no more.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        while self.length > 0 {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let mut used = 0;
            for piece in self
                .pieces
                .iter()
                .map(Bytes::as_ref)
                .chain([self.tail.as_ref()])
                .take(MAX_SLICES)
            {
                slices[used] = IoSlice::new(piece);
                used += 1;
            }
            let written =
                ready!(Pin::new(&mut *writer).poll_write_vectored(context, &slices[..used]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.advance(written);
        }
        if self.unflushed {
            ready!(Pin::new(writer).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut written: usize) {
        self.length -= written;
        while let Some(piece) = self.pieces.front_mut() {
            if written < piece.len() {
                return piece.advance(written);
            }
            written -= piece.len();
            self.pieces.pop_front();
        }
        self.tail.advance(written);
        if self.length == 0 {
            // An idle connection keeps no buffer.
            self.tail = BytesMut::new();
            self.pieces = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Forwarded, PacketId, QoS, Text, TopicForm};

    /// Takes a few bytes at a time.
    struct Dribble(Vec<u8>);

    impl AsyncWrite for Dribble {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(7);
            self.get_mut().0.extend_from_slice(&bytes[..taken]);
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn bytes_leave_in_order_whether_copied_or_shared() {
        let topic = Text::new("t").unwrap();
        let none = Forwarded::default();
        let small = PublishFrame::new(&topic, &none, &Bytes::from_static(b"small")).unwrap();
        let large = PublishFrame::new(&topic, &none, &Bytes::from(vec![b'x'; 5000])).unwrap();
        let head = PublishHead {
            version: Version::V311,
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            id: None,
            expiry: None,
            subscriptions: &[],
            topic: TopicForm::Name { skip: 0 },
        };
        let again = PublishHead {
            dup: true,
            qos: QoS::AtLeastOnce,
            retain: true,
            id: PacketId::new(9),
            ..head
        };
        let mut outbox = Outbox::default();
        outbox.publish(&small, &head);
        outbox.publish(&large, &again);
        outbox.packet(&Packet::PingResp, Version::V311).unwrap();
        let mut expected = b"\x30\x08\x00\x01tsmall\x3B\x8D\x27\x00\x01t\x00\x09".to_vec();
        expected.extend_from_slice(&[b'x'; 5000]);
        expected.extend_from_slice(b"\xD0\x00");
        assert_eq!(outbox.len(), expected.len());
        let put = Put {
            packets: 3,
            messages: 2,
            payload: 5005,
        };
        assert_eq!(outbox.take_put(), put);
        assert_eq!(outbox.take_put(), Put::default());

        let mut written = Dribble(Vec::new());
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(
            outbox.poll_write(&mut context, &mut written),
            Poll::Ready(Ok(()))
        ));
        assert_eq!(written.0, expected);
        assert!(outbox.is_idle());
    }
}
