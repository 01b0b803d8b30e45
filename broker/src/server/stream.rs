//! Packets from and to one peer, whoever it is.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::outbox::Outbox;
use super::transport::Transport;
use crate::codec::{DecodeError, Limits, Packet, Version, announced_version, decode};

/// Bytes that may wait to be written; with more, neither packets are taken nor messages sent.
const HIGH_WATER: usize = 128 * 1024;

/// How long the last bytes of a connection may take.
const LINGER: Duration = Duration::from_secs(2);

/// One peer's bytes, in and out.
#[derive(Debug)]
pub(super) struct Stream {
    transport: Transport,
    input: BytesMut,
    /// There may be a whole packet in `input` that was not looked at yet.
    unread: bool,
    /// Rings at the deadline of the last wait or before it: keep-alive moves it with each packet, and an alarm
    /// that rings too early costs less than one that is set anew each time.
    alarm: Option<Pin<Box<Sleep>>>,
    pub(super) outbox: Outbox,
}

/// Something to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// Bytes came.
    Received,
    /// Bytes went, and there is room for more.
    Room,
    /// The peer has ended its side.
    Ended,
    /// Somebody called.
    Called,
    /// The time has come.
    Due,
}

impl Stream {
    pub(super) fn new(transport: Transport) -> Self {
        Self {
            transport,
            input: BytesMut::new(),
            unread: false,
            alarm: None,
            outbox: Outbox::default(),
        }
    }

    /// Whether more may be put into the outbox.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.len() < HIGH_WATER
    }

    /// The version of the CONNECT that is there, or the part of one.
    pub(super) fn announced_version(&self) -> Option<Version> {
        announced_version(&self.input)
    }

    /// The next packet, if a whole one is there and its answer has room.
    pub(super) fn next(
        &mut self,
        limits: Limits,
        version: Version,
    ) -> Result<Option<Packet>, DecodeError> {
        if !self.has_room() {
            return Ok(None);
        }
        let packet = decode(&mut self.input, limits, version)?;
        self.unread = packet.is_some();
        if self.input.is_empty() {
            // An idle connection keeps no buffer.
            self.input = BytesMut::new();
        }
        Ok(packet)
    }

    /// Moves bytes until there is something to look at.
    ///
    /// `more` says that there is more to send than the outbox had room for.
    pub(super) async fn wait(
        &mut self,
        caller: &Notify,
        deadline: Option<std::time::Instant>,
        more: bool,
    ) -> io::Result<Event> {
        let mut called = pin!(caller.notified());
        self.set_alarm(deadline);
        poll_fn(|context| {
            // Both directions get their turn, however busy the other one is.
            let mut room = false;
            if !self.outbox.is_idle() {
                let written = self.outbox.poll_write(context, &mut self.transport)?;
                room = written.is_ready() && (more || self.unread);
            }
            if self.has_room() {
                if let Poll::Ready(count) = self.transport.poll_fill(context, &mut self.input)? {
                    self.unread = true;
                    let event = if count == 0 {
                        Event::Ended
                    } else {
                        Event::Received
                    };
                    return Poll::Ready(Ok(event));
                }
            }
            if room {
                return Poll::Ready(Ok(Event::Room));
            }
            if called.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(Event::Called));
            }
            match &mut self.alarm {
                Some(alarm) => alarm.as_mut().poll(context).map(|()| Ok(Event::Due)),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn set_alarm(&mut self, deadline: Option<std::time::Instant>) {
        let Some(deadline) = deadline.map(Instant::from_std) else {
            self.alarm = None;
            return;
        };
        match &mut self.alarm {
            Some(alarm) if !alarm.is_elapsed() && alarm.deadline() <= deadline => {}
            Some(alarm) => alarm.as_mut().reset(deadline),
            None => self.alarm = Some(Box::pin(sleep_until(deadline))),
        }
    }

    /// Writes what is left and ends the connection, as far as the peer plays along.
    pub(super) async fn close(mut self) {
        let end = async {
            poll_fn(|context| self.outbox.poll_write(context, &mut self.transport)).await?;
            self.transport.shutdown().await
        };
        // It ends anyway.
        let _ = timeout(LINGER, end).await;
    }
}
