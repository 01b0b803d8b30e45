//! Counters that every packet touches.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counters in as many places. With more threads some share one, which costs time and no counts.
const SHARDS: usize = 8;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// Bytes that came over the network, before encryption.
    BytesReceived,
    /// Bytes that went, likewise.
    BytesSent,
    /// Packets of any kind that came.
    PacketsReceived,
    /// Packets of any kind that were put up for sending.
    PacketsSent,
    /// PUBLISH packets that came.
    PublishesReceived,
    /// PUBLISH packets that were put up for sending.
    PublishesSent,
    /// Bytes of the payloads that came.
    PayloadReceived,
    /// Bytes of the payloads that were put up for sending.
    PayloadSent,
}

const COUNTS: usize = Count::PayloadSent as usize + 1;

/// Network traffic in figures, counted by all threads.
///
/// Each thread adds to a place of its own, a cache line that no other processor wants: a shared one would
/// travel between processors with every packet.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    shards: [Shard; SHARDS],
}

/// The counters of one thread: a cache line of 64 bytes.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Shard([AtomicU64; COUNTS]);

/// All counters at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals([u64; COUNTS]);

thread_local! {
    /// The thread's place, given out in turn.
    static PLACE: Cell<usize> = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS)
    };
}

impl Traffic {
    /// The counters that this thread adds to.
    pub(super) fn here(&self) -> &Shard {
        &self.shards[PLACE.get()]
    }

    /// The sums over all threads.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for Shard(counters) in &self.shards {
            for (total, counter) in totals.0.iter_mut().zip(counters) {
                *total += counter.load(Ordering::Relaxed);
            }
        }
        totals
    }
}

impl Shard {
    /// Adds to a counter.
    pub(super) fn add(&self, what: Count, number: usize) {
        // No number is larger than 64 bits.
        self.0[what as usize].fetch_add(number as u64, Ordering::Relaxed);
    }
}

impl Totals {
    /// One of the sums.
    pub(super) fn of(&self, what: Count) -> u64 {
        self.0[what as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_threads_count_is_all_there() {
        let traffic = Traffic::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        traffic.here().add(Count::BytesReceived, 3);
                        traffic.here().add(Count::PayloadSent, 1);
                    }
                });
            }
        });
        let totals = traffic.totals();
        assert_eq!(totals.of(Count::BytesReceived), 48_000);
        assert_eq!(totals.of(Count::PayloadSent), 16_000);
        assert_eq!(totals.of(Count::BytesSent), 0);
    }
}
