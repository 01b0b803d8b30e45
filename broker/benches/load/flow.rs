//! Messages from publishers to subscribers, as fast as they get through.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::login::Rate;
use crate::server::Server;
use crate::wire::{self, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL};

/// The bytes of a payload: a location of OwnTracks has about as many.
pub(crate) const PAYLOAD: usize = 250;

/// The messages of a publisher that are on their way to all subscribers, at most.
///
/// None are lost, then, and no broker looks fast by dropping them. As many may be in flight to a client.
const WINDOW: usize = 20;

/// How long messages flow before it counts.
const WARM_UP: Duration = Duration::from_millis(300);

/// Who sends to whom. Every subscriber gets every message.
pub(crate) struct Flow {
    pub(crate) name: &'static str,
    qos: u8,
    publishers: usize,
    subscribers: usize,
    /// Whether the broker sends small packets at once.
    pub(crate) nodelay: bool,
}

/// What all clients of a flow share.
struct Tally {
    delivered: AtomicU64,
    /// For each publisher, the deliveries that it may still cause.
    room: Vec<Semaphore>,
}

impl Flow {
    pub(crate) const fn new(
        name: &'static str,
        qos: u8,
        publishers: usize,
        subscribers: usize,
    ) -> Self {
        Self {
            name,
            qos,
            publishers,
            subscribers,
            nodelay: false,
        }
    }

    /// The same with `set_tcp_nodelay true`.
    pub(crate) const fn nodelay(mut self) -> Self {
        self.nodelay = true;
        self
    }

    /// Lets messages flow for so long.
    pub(crate) async fn measure(&self, server: &Server, time: Duration) -> Outcome<Rate> {
        let room = (0..self.publishers).map(|_| Semaphore::new(WINDOW * self.subscribers));
        let tally = Arc::new(Tally {
            delivered: AtomicU64::new(0),
            room: room.collect(),
        });
        let mut tasks = JoinSet::new();
        for number in 0..self.subscribers {
            let mut stream = enter(server, &format!("subscriber-{number}")).await?;
            wire::subscribe(&mut stream, "flow/+", self.qos).await?;
            tasks.spawn(receive(stream, Arc::clone(&tally)));
        }
        for number in 0..self.publishers {
            let stream = enter(server, &format!("publisher-{number}")).await?;
            tasks.spawn(send(
                stream,
                Arc::clone(&tally),
                number,
                self.qos,
                self.subscribers,
            ));
        }
        tokio::time::sleep(WARM_UP).await;
        let delivered = || tally.delivered.load(Ordering::Relaxed);
        let (before, cpu, start) = (delivered(), server.cpu()?, Instant::now());
        tokio::time::sleep(time).await;
        let (count, seconds) = (delivered() - before, start.elapsed().as_secs_f64());
        let cpu = server.cpu()? - cpu;
        if let Some(ended) = tasks.try_join_next() {
            ended??;
        }
        let count = f64::from(u32::try_from(count)?);
        if count < 1.0 {
            return Err(format!("no message got through: {}", self.name).into());
        }
        Ok(Rate {
            per_second: count / seconds,
            cpu_micros: cpu * 1e6 / count,
        })
    }
}

async fn enter(server: &Server, id: &str) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await?;
    stream.set_nodelay(true)?;
    wire::connect(&mut stream, id).await?;
    Ok(stream)
}

/// A subscriber: takes and acknowledges what comes, until it is cut off.
async fn receive(mut stream: TcpStream, tally: Arc<Tally>) -> Outcome<()> {
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    loop {
        if stream.read_buf(&mut input).await? == 0 {
            return Err("the broker closed a subscriber's connection".into());
        }
        while let Some(packet) = wire::take(&mut input) {
            match packet.kind() {
                PUBLISH => {
                    let (topic, qos, id) = packet.publish();
                    match qos {
                        0 => {}
                        1 => wire::acknowledge(PUBACK, id, &mut output),
                        _ => wire::acknowledge(PUBREC, id, &mut output),
                    }
                    tally.count(topic);
                }
                PUBREL => wire::acknowledge(PUBCOMP, packet.id(), &mut output),
                _ => {}
            }
        }
        stream.write_all_buf(&mut output).await?;
    }
}

impl Tally {
    fn count(&self, topic: &[u8]) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
        let number = std::str::from_utf8(topic)
            .ok()
            .and_then(|topic| topic.strip_prefix("flow/")?.parse().ok());
        if let Some(room) = number.and_then(|number: usize| self.room.get(number)) {
            room.add_permits(1);
        }
    }
}

/// A publisher: sends what there is room for, and does its part of the acknowledging, until it is cut off.
async fn send(
    mut stream: TcpStream,
    tally: Arc<Tally>,
    number: usize,
    qos: u8,
    subscribers: usize,
) -> Outcome<()> {
    let (topic, payload) = (format!("flow/{number}"), [b'x'; PAYLOAD]);
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let (room, each) = (&tally.room[number], u32::try_from(subscribers)?);
    let mut id = 0_u16;
    loop {
        tokio::select! {
            permits = room.acquire_many(each) => {
                permits?.forget();
                let mut more = true;
                while more {
                    id = id.checked_add(1).unwrap_or(1);
                    wire::publish(&topic, qos, id, &payload, &mut output);
                    more = room.try_acquire_many(each).map(tokio::sync::SemaphorePermit::forget).is_ok();
                }
            }
            count = stream.read_buf(&mut input) => {
                if count? == 0 {
                    return Err("the broker closed a publisher's connection".into());
                }
                while let Some(packet) = wire::take(&mut input) {
                    if packet.kind() == PUBREC {
                        wire::acknowledge(PUBREL, packet.id(), &mut output);
                    }
                }
            }
        }
        stream.write_all_buf(&mut output).await?;
    }
}
