//! How much memory the process has.

use std::sync::atomic::Ordering;

use super::shared::Shared;
use crate::log::LogType;

/// The memory of the process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// What it has for itself, not for files: close to what Mosquitto counts as its heap.
    pub(super) anonymous: u64,
    /// All of it.
    pub(super) resident: u64,
    /// The most that it ever was.
    pub(super) most_resident: u64,
}

impl Memory {
    /// As the kernel says it; none where the system does not tell.
    ///
    /// The kernel counts pages, and a read costs some microseconds: little beside a connection that is accepted.
    pub(super) fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/self/status").ok()?)
    }

    fn parse(status: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kibibytes = rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()?;
            kibibytes.checked_mul(1024)
        };
        Some(Self {
            anonymous: bytes("RssAnon:")?,
            resident: bytes("VmRSS:")?,
            most_resident: bytes("VmHWM:")?,
        })
    }
}

/// Whether the process has more memory for itself than this, if there is a limit.
pub(super) fn exceeds(limit: Option<u64>) -> bool {
    limit.is_some_and(|limit| Memory::now().is_some_and(|memory| memory.anonymous > limit))
}

/// Notes whether the process has more memory than `memory_limit`: then subscriptions and retained messages that would
/// take more are refused, as new connections are.
pub(super) fn watch(shared: &Shared) {
    let short = exceeds(shared.settings().memory_limit);
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
        let before = Memory::now().unwrap().anonymous;
        let much = vec![1_u8; 64 << 20];
        let after = Memory::now().unwrap().anonymous;
        assert!(after > before + (32 << 20), "{before} {after}");
        assert_eq!(std::hint::black_box(much)[5], 1);
    }

    #[test]
    fn memory_is_read_as_the_kernel_writes_it() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t   12 kB\nVmRSS:\t    8 kB\nRssAnon:\t    2 kB\n";
        let memory = Memory {
            anonymous: 2048,
            resident: 8192,
            most_resident: 12_288,
        };
        assert_eq!(Memory::parse(status), Some(memory));
        assert_eq!(Memory::parse("VmRSS: much\n"), None);
        let now = Memory::now().unwrap();
        assert!(
            now.anonymous > 0 && now.anonymous <= now.resident && now.resident <= now.most_resident
        );
    }
}
