//! Bytes, rate and the time that is left, beside what a [`Task`] shows.

use std::time::{Duration, Instant};

use image::Progress;

use crate::output::{Task, bytes, duration};

/// Between two looks at the clock; also how long a rate is not yet worth a word.
const INTERVAL: Duration = Duration::from_millis(500);

/// A task that is measured in bytes.
#[derive(Debug)]
pub(super) struct Meter {
    task: Task,
    total: Option<u64>,
    done: u64,
    begun: Instant,
    said: Instant,
}

impl Meter {
    pub(super) fn new(task: Task) -> Self {
        let now = Instant::now();
        Self {
            task,
            total: None,
            done: 0,
            begun: now,
            said: now,
        }
    }
}

impl Progress for Meter {
    fn begin(&mut self, step: &str, total: Option<u64>) {
        (self.total, self.done) = (total, 0);
        (self.begun, self.said) = (Instant::now(), Instant::now());
        self.task.begin(step, total);
    }

    fn advance(&mut self, amount: u64) {
        self.done += amount;
        if self.said.elapsed() >= INTERVAL {
            self.said = Instant::now();
            self.task
                .detail(&standing(self.done, self.total, self.begun.elapsed()));
        }
        self.task.advance(amount);
    }

    fn detail(&mut self, text: &str) {
        self.task.detail(text);
    }

    fn end(&mut self, summary: &str) {
        self.task.end(summary);
    }

    fn warn(&mut self, text: &str) {
        self.task.warn(text);
    }

    fn cancelled(&self) -> bool {
        self.task.cancelled()
    }
}

/// How far it is: `1.2 GiB of 2.8 GiB, 23.1 MiB/s, 1 min 12 s left`.
fn standing(done: u64, total: Option<u64>, time: Duration) -> String {
    let rate = u128::from(done) * 1000 / time.as_millis().max(1);
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    let of = total.map_or_else(String::new, |total| format!(" of {}", bytes(total)));
    let left = total.filter(|_| done > 0).map(|total| {
        let left = u128::from(total.saturating_sub(done)) * time.as_millis() / u128::from(done);
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX));
        format!(", {} left", duration(left))
    });
    format!(
        "{}{of}, {}/s{}",
        bytes(done),
        bytes(rate),
        left.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_follows_from_the_rate() {
        let shown = standing(512 << 20, Some(2 << 30), Duration::from_secs(20));
        assert_eq!(shown, "512.0 MiB of 2.0 GiB, 25.6 MiB/s, 1 min 00 s left");
        let shown = standing(512 << 20, None, Duration::from_secs(20));
        assert_eq!(shown, "512.0 MiB, 25.6 MiB/s");
        assert_eq!(standing(0, Some(1), Duration::ZERO), "0 B of 1 B, 0 B/s");
    }
}
