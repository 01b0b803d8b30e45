//! Load averages, as Mosquitto reckons them.

use std::time::Duration;

/// The windows that averages are taken over, in minutes.
pub(super) const WINDOWS: [u32; 3] = [1, 5, 15];

/// Exponentially damped averages of how much a counter grows per minute, one for each of the [`WINDOWS`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Load {
    counted: u64,
    averages: [f64; WINDOWS.len()],
}

impl Load {
    /// Takes in that the counter stands at `total`, `elapsed` after it was looked at last.
    pub(super) fn update(&mut self, total: u64, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let grown = u32::try_from(total.saturating_sub(self.counted)).unwrap_or(u32::MAX);
        let per_minute = f64::from(grown) * 60.0 / seconds;
        self.counted = total;
        for (average, minutes) in self.averages.iter_mut().zip(WINDOWS) {
            let kept = (-seconds / (60.0 * f64::from(minutes))).exp();
            *average = per_minute + kept * (*average - per_minute);
        }
    }

    /// The averages.
    pub(super) fn averages(&self) -> [f64; WINDOWS.len()] {
        self.averages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64, per_interval: u64, interval: u64) -> Vec<String> {
        let mut load = Load::default();
        for round in 1..=seconds / interval {
            load.update(round * per_interval, Duration::from_secs(interval));
        }
        load.averages()
            .iter()
            .map(|average| format!("{average:.2}"))
            .collect()
    }

    #[test]
    fn a_steady_rate_is_approached_at_the_speed_of_each_window() {
        // 10 per second are 600 per minute; after one window 1 - 1/e of that, whatever the interval.
        assert_eq!(after(60, 100, 10)[0], "379.27");
        assert_eq!(after(60, 10, 1)[0], "379.27");
        assert_eq!(after(300, 100, 10)[1], "379.27");
        assert_eq!(after(900, 100, 10)[2], "379.27");
        assert_eq!(after(36_000, 100, 10), ["600.00", "600.00", "600.00"]);
    }

    #[test]
    fn a_burst_fades_and_no_time_changes_nothing() {
        let mut load = Load::default();
        load.update(100, Duration::from_secs(10));
        let peak = load.averages()[0];
        load.update(100, Duration::ZERO);
        assert!((load.averages()[0] - peak).abs() < f64::EPSILON);
        load.update(100, Duration::from_secs(60));
        assert!((load.averages()[0] / peak - (-1.0_f64).exp()).abs() < 1e-9);
    }
}
