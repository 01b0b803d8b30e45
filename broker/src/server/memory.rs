//! How much memory the process has.

use std::fs;
use std::sync::atomic::Ordering;

use super::shared::Shared;
use crate::log::LogType;

/// The bytes of memory that the process has now, without what it shares of files; none where the system does not
/// tell.
///
/// The kernel counts pages, and a read costs some microseconds: little beside a connection that is accepted.
pub(super) fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let anonymous = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = anonymous.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Notes whether the process has more memory than `memory_limit`: then subscriptions and retained messages that would
/// take more are refused, as new connections are.
pub(super) fn watch(shared: &Shared) {
    let limit = shared.settings().memory_limit;
    let short = limit.is_some_and(|limit| resident().is_some_and(|resident| resident > limit));
    if shared.is_short_of_memory.swap(short, Ordering::Relaxed) != short {
        let text = if short {
            "Warning: memory_limit exceeded: no connections, subscriptions and retained topics are taken on."
        } else {
            "Warning: less memory than memory_limit is taken again."
        };
        shared.log.log(LogType::Warning, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_in_use_is_counted() {
        let before = resident().unwrap();
        let much = vec![1_u8; 64 << 20];
        let after = resident().unwrap();
        assert!(after > before + (32 << 20), "{before} {after}");
        assert_eq!(std::hint::black_box(much)[5], 1);
    }
}
