//! Packets from and to one peer, whoever it is.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::CertificateDer;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::outbox::Outbox;
use super::traffic::{Count, Traffic};
use super::transport::Transport;
use crate::codec::{DecodeError, Limits, Packet, Version, announced_version, decode};

/// Bytes that may wait to be written; with more, neither packets are taken nor messages sent.
const HIGH_WATER: usize = 128 * 1024;

/// The part of a packet that makes it a large one, as in Mosquitto.
const LARGE: usize = 1000;

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
    traffic: Arc<Traffic>,
    /// The peer has taken something since it was last asked.
    progress: bool,
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
    pub(super) fn new(transport: Transport, traffic: Arc<Traffic>) -> Self {
        Self {
            transport,
            input: BytesMut::new(),
            unread: false,
            alarm: None,
            traffic,
            progress: false,
            outbox: Outbox::default(),
        }
    }

    /// The certificates that the peer showed.
    pub(super) fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.transport.peer_certificates()
    }

    /// Whether more may be put into the outbox.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.len() < HIGH_WATER
    }

    /// Whether so many bytes are there.
    pub(super) fn has(&self, count: usize) -> bool {
        self.input.len() >= count
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
        let packet = decode(&mut self.input, limits, version);
        self.unread = matches!(packet, Ok(Some(_)));
        let packet = packet?;
        if let Some(packet) = &packet {
            self.count(packet);
        }
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
            let (mut room, mut failed) = (false, None);
            if !self.outbox.is_idle() {
                match self.poll_send(context) {
                    Poll::Ready(Ok(())) => room = more || self.unread,
                    Poll::Ready(Err(error)) => failed = Some(error),
                    Poll::Pending => {}
                }
            }
            if failed.is_some() {
                // Nothing goes any more, but what the peer sent before it went counts: its DISCONNECT, for one.
                self.outbox = Outbox::default();
            }
            // What came before comes first: behind it there may be the end.
            if self.unread && self.has_room() {
                return Poll::Ready(Ok(Event::Room));
            }
            if self.has_room() {
                if let Poll::Ready(count) = self.transport.poll_fill(context, &mut self.input)? {
                    self.unread = true;
                    self.traffic.here().add(Count::BytesReceived, count);
                    let event = if count == 0 {
                        Event::Ended
                    } else {
                        Event::Received
                    };
                    return Poll::Ready(Ok(event));
                }
            }
            if let Some(error) = failed {
                return Poll::Ready(Err(error));
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

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let put = self.outbox.take_put();
        let before = self.outbox.len();
        let outcome = self.outbox.poll_write(context, &mut self.transport);
        self.progress |= self.outbox.len() < before;
        let counters = self.traffic.here();
        counters.add(Count::BytesSent, before - self.outbox.len());
        if put.packets > 0 {
            counters.add(Count::PacketsSent, put.packets as usize);
            counters.add(Count::PublishesSent, put.messages as usize);
            counters.add(Count::PayloadSent, put.payload);
        }
        outcome
    }

    /// Whether a large packet is on its way: on a slow line it is a sign of life before it is there as a whole.
    pub(super) fn is_amid_large_packet(&self) -> bool {
        self.input.len() > LARGE
    }

    /// Whether the peer takes what it is sent, though so slowly that nothing is read from it meanwhile: not to hear
    /// of it then says nothing.
    pub(super) fn is_slow_but_alive(&mut self) -> bool {
        !self.has_room() && std::mem::take(&mut self.progress)
    }

    /// Sends what there is as far as that needs no waiting.
    pub(super) async fn flush(&mut self) {
        poll_fn(|context| {
            // What fails now fails again where it is waited for.
            let _ = self.poll_send(context);
            Poll::Ready(())
        })
        .await;
    }

    fn count(&self, packet: &Packet) {
        let counters = self.traffic.here();
        counters.add(Count::PacketsReceived, 1);
        if let Packet::Publish(publish) = packet {
            counters.add(Count::PublishesReceived, 1);
            counters.add(Count::PayloadReceived, publish.payload.len());
        }
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
            poll_fn(|context| self.poll_send(context)).await?;
            self.transport.shutdown().await
        };
        // It ends anyway.
        let _ = timeout(LINGER, end).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::codec::Reason;

    #[tokio::test(flavor = "current_thread")]
    async fn what_a_peer_sent_before_it_went_is_read_though_nothing_can_be_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.try_write(b"\xe0\x00").unwrap();
        // With this, closing resets the connection.
        socket2::SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(client);

        let mut stream = Stream::new(Transport::Tcp(server), Arc::default());
        stream
            .outbox
            .packet(&Packet::PingResp, Version::V311)
            .unwrap();
        let nobody = Notify::new();
        let event = stream.wait(&nobody, None, false).await.unwrap();
        assert_eq!(event, Event::Received);
        let packet = stream.next(Limits::default(), Version::V311).unwrap();
        assert_eq!(packet, Some(Packet::Disconnect(Reason::Success.into())));
        let end = stream.wait(&nobody, None, false).await;
        assert!(!matches!(end, Ok(Event::Received)), "{end:?}");
    }
}
