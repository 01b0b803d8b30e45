//! Sizes and times as people read them.

use std::time::Duration;

/// `count` bytes in binary units with one decimal: `512.3 MiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut tenths = u128::from(count) * 10;
    let mut unit = "B";
    for larger in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths = (tenths + 512) / 1024;
        unit = larger;
    }
    if unit == "B" {
        format!("{count} B")
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

/// A time in seconds with one decimal below ten seconds, else in minutes and seconds.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 10 {
        format!("{:.1} s", time.as_secs_f64())
    } else if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_with_one_decimal() {
        let shown = [0, 1023, 1536, 537_187_123, 3 << 30].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1.5 KiB", "512.3 MiB", "3.0 GiB"]);
    }

    #[test]
    fn times_grow_from_tenths_to_minutes() {
        let shown = [350, 41_200, 125_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(shown, ["0.3 s", "41 s", "2 min 05 s"]);
    }
}
