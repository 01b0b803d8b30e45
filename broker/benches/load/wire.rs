//! As much of MQTT 3.1.1 as a load generator needs: it must cost less than what it measures.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::Outcome;

/// A packet that came.
pub(crate) struct Packet {
    /// Type and flags.
    pub(crate) head: u8,
    pub(crate) body: Bytes,
}

/// The types of packets that are told apart.
pub(crate) const PUBLISH: u8 = 3;
pub(crate) const PUBACK: u8 = 4;
pub(crate) const PUBREC: u8 = 5;
pub(crate) const PUBREL: u8 = 6;
pub(crate) const PUBCOMP: u8 = 7;

impl Packet {
    pub(crate) fn kind(&self) -> u8 {
        self.head >> 4
    }

    /// The packet identifier of an acknowledgement.
    pub(crate) fn id(&self) -> u16 {
        number(&self.body, 0)
    }

    /// Topic, quality of service and packet identifier of a PUBLISH.
    pub(crate) fn publish(&self) -> (&[u8], u8, u16) {
        let end = 2 + usize::from(number(&self.body, 0));
        let qos = self.head >> 1 & 3;
        let id = if qos == 0 { 0 } else { number(&self.body, end) };
        (self.body.get(2..end).unwrap_or_default(), qos, id)
    }
}

fn number(bytes: &[u8], at: usize) -> u16 {
    let two = bytes.get(at..at + 2).and_then(|two| two.try_into().ok());
    two.map_or(0, u16::from_be_bytes)
}

/// Takes a packet off `input`, if a whole one is there.
pub(crate) fn take(input: &mut BytesMut) -> Option<Packet> {
    let (mut length, mut shift, mut at) = (0, 0, 1);
    loop {
        let byte = *input.get(at)?;
        length |= usize::from(byte & 0x7f) << shift;
        (shift, at) = (shift + 7, at + 1);
        if byte & 0x80 == 0 || shift > 21 {
            break;
        }
    }
    if input.len() < at + length {
        return None;
    }
    let head = input[0];
    input.advance(at);
    let body = input.split_to(length).freeze();
    Some(Packet { head, body })
}

fn put_text(bytes: &mut BytesMut, text: &str) {
    bytes.put_u16(u16::try_from(text.len()).unwrap_or_default());
    bytes.put_slice(text.as_bytes());
}

/// A packet from its first byte and its body.
fn packet(head: u8, body: &[u8], output: &mut BytesMut) {
    output.put_u8(head);
    let mut length = body.len();
    loop {
        let seven = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        output.put_u8(seven | if length > 0 { 0x80 } else { 0 });
        if length == 0 {
            break;
        }
    }
    output.put_slice(body);
}

/// Puts a PUBLISH.
pub(crate) fn publish(topic: &str, qos: u8, id: u16, payload: &[u8], output: &mut BytesMut) {
    let mut body = BytesMut::with_capacity(topic.len() + payload.len() + 4);
    put_text(&mut body, topic);
    if qos > 0 {
        body.put_u16(id);
    }
    body.put_slice(payload);
    packet(PUBLISH << 4 | qos << 1, &body, output);
}

/// Puts an acknowledgement.
pub(crate) fn acknowledge(kind: u8, id: u16, output: &mut BytesMut) {
    let flags = if kind == PUBREL { 2 } else { 0 };
    packet(kind << 4 | flags, &id.to_be_bytes(), output);
}

/// Logs in with a clean session and no keep-alive.
pub(crate) async fn connect(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    id: &str,
) -> Outcome<()> {
    let mut body = BytesMut::new();
    put_text(&mut body, "MQTT");
    body.put_slice(&[4, 2, 0, 0]);
    put_text(&mut body, id);
    request(stream, 0x10, &body, 4).await?;
    Ok(())
}

/// Subscribes to one filter.
pub(crate) async fn subscribe(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    filter: &str,
    qos: u8,
) -> Outcome<()> {
    let mut body = BytesMut::new();
    body.put_u16(1);
    put_text(&mut body, filter);
    body.put_u8(qos);
    request(stream, 0x82, &body, 5).await
}

/// Ends a session.
pub(crate) async fn disconnect(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    stream.write_all(&[0xe0, 0]).await?;
    stream.shutdown().await
}

/// Sends a packet and takes an answer of so many bytes, whose last one is 0 or a quality of service.
async fn request(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    head: u8,
    body: &[u8],
    length: usize,
) -> Outcome<()> {
    let mut bytes = BytesMut::new();
    packet(head, body, &mut bytes);
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    match answer.last() {
        Some(0..=2) => Ok(()),
        _ => Err(format!("refused: {answer:?}").into()),
    }
}
