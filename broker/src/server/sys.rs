//! What the broker says of itself below `$SYS/broker/`, with Mosquitto's names, and to the service manager.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::figures::{FIGURES, RATES};
use super::load::{Load, WINDOWS};
use super::notify::Status;
use super::report::Report;
use super::shared::Shared;

/// The name and version, as `$SYS/broker/version` has it.
pub(super) const VERSION: &str = concat!("mqtt-broker version ", env!("CARGO_PKG_VERSION"));

/// How often somebody looks whether it is time: `sys_interval` is in whole seconds, and may change at a reload.
const TICK: Duration = Duration::from_secs(1);

/// The topics, and what was published to them last: what has not changed is not published again.
#[derive(Debug)]
struct Sys {
    updated: Instant,
    loads: [Load; RATES.len()],
    last: HashMap<String, String>,
}

impl Sys {
    /// `start` is when all counters were zero.
    fn new(start: Instant) -> Self {
        Self {
            updated: start,
            loads: [Load::default(); RATES.len()],
            last: HashMap::new(),
        }
    }

    fn values(&mut self, report: &Report, now: Instant) -> Vec<(String, String)> {
        let elapsed = now.duration_since(self.updated);
        self.updated = now;
        let mut values = Vec::with_capacity(FIGURES.len() + RATES.len() * WINDOWS.len());
        for figure in FIGURES {
            if let Some(value) = figure.value(report) {
                values.push((figure.topic(), value.to_string()));
            }
        }
        for (rate, load) in RATES.iter().zip(&mut self.loads) {
            load.update((rate.total)(report), elapsed);
            for (minutes, average) in WINDOWS.into_iter().zip(load.averages()) {
                values.push((rate.topic(minutes), format!("{average:.2}")));
            }
        }
        values
    }

    /// Publishes what has changed.
    fn publish(&mut self, shared: &Shared) {
        for (topic, value) in self.values(&Report::of(shared), Instant::now()) {
            if self.last.get(&topic) != Some(&value) {
                shared.publish_own(&topic, value.clone(), true);
                self.last.insert(topic, value);
            }
        }
    }
}

/// Publishes at every interval, and tells the service manager how many clients there are, for ever.
pub(super) async fn publish(shared: Arc<Shared>) {
    let mut sys = Sys::new(shared.start);
    let mut status = Status::default();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since: Option<Duration> = None;
    loop {
        ticks.tick().await;
        status.tell(&shared);
        since = since.map(|time| time + TICK);
        let due = |every| since.is_none_or(|time| time >= every);
        if shared.settings().sys_interval.is_some_and(due) {
            sys.publish(&shared);
            since = Some(Duration::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_published_once_and_is_a_valid_one() {
        let mut sys = Sys::new(Instant::now());
        let mut topics: Vec<_> = sys
            .values(&Report::default(), Instant::now())
            .into_iter()
            .map(|(topic, _)| topic)
            .collect();
        let all = topics.len();
        topics.sort_unstable();
        topics.dedup();
        assert_eq!(topics.len(), all);
        for topic in topics {
            assert!(crate::topic::validate_name(&topic).is_ok(), "{topic}");
            assert!(topic.starts_with("$SYS/broker/"), "{topic}");
        }
    }
}
