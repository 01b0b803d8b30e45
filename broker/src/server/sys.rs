//! What the broker says of itself below `$SYS/broker/`, with Mosquitto's names.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::shared::Shared;

/// The name and version, as `$SYS/broker/version` has it.
pub(super) const VERSION: &str = concat!("mqtt-broker version ", env!("CARGO_PKG_VERSION"));

/// The topics, and what was published to them last: what has not changed is not published again.
#[derive(Debug)]
pub(super) struct Sys {
    start: Instant,
    maximum: usize,
    last: HashMap<&'static str, String>,
}

impl Sys {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            maximum: 0,
            last: HashMap::new(),
        }
    }

    fn values(&mut self, shared: &Shared) -> [(&'static str, String); 15] {
        let counters = &shared.counters;
        let sessions = shared.router.session_count();
        let connected = counters.clients.load(Ordering::Relaxed);
        let (retained, bytes) = shared.router.retained_size();
        self.maximum = self.maximum.max(sessions);
        let received = counters.received.load(Ordering::Relaxed).to_string();
        let sent = counters.sent.load(Ordering::Relaxed).to_string();
        [
            ("$SYS/broker/version", VERSION.to_owned()),
            (
                "$SYS/broker/uptime",
                format!("{} seconds", self.start.elapsed().as_secs()),
            ),
            ("$SYS/broker/clients/total", sessions.to_string()),
            ("$SYS/broker/clients/maximum", self.maximum.to_string()),
            ("$SYS/broker/clients/connected", connected.to_string()),
            (
                "$SYS/broker/clients/disconnected",
                sessions.saturating_sub(connected).to_string(),
            ),
            ("$SYS/broker/clients/active", connected.to_string()),
            (
                "$SYS/broker/clients/inactive",
                sessions.saturating_sub(connected).to_string(),
            ),
            (
                "$SYS/broker/connections/socket/count",
                counters.connections.load(Ordering::Relaxed).to_string(),
            ),
            (
                "$SYS/broker/subscriptions/count",
                shared.router.subscription_count().to_string(),
            ),
            ("$SYS/broker/retained messages/count", retained.to_string()),
            ("$SYS/broker/retained messages/bytes", bytes.to_string()),
            ("$SYS/broker/publish/messages/received", received),
            ("$SYS/broker/publish/messages/sent", sent),
            (
                "$SYS/broker/publish/messages/dropped",
                counters.dropped.load(Ordering::Relaxed).to_string(),
            ),
        ]
    }

    /// Publishes what has changed.
    pub(super) fn publish(&mut self, shared: &Shared) {
        for (topic, value) in self.values(shared) {
            if self.last.get(topic) != Some(&value) {
                shared.publish_own(topic, value.clone(), true);
                self.last.insert(topic, value);
            }
        }
    }
}

/// Publishes at every interval, for ever.
pub(super) async fn publish(shared: Arc<Shared>, interval: Duration) {
    let mut sys = Sys::new();
    let mut ticks = tokio::time::interval(interval);
    loop {
        ticks.tick().await;
        sys.publish(&shared);
    }
}
