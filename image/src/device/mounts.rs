//! What is mounted and what is swapped to, from the kernel's lists.

use std::path::PathBuf;

/// The number by which the kernel knows a block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Number {
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl Number {
    /// From `8:16`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once(':')?;
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }

    /// From what `stat` says.
    pub(super) fn of(device: u64) -> Self {
        Self {
            major: rustix::fs::major(device),
            minor: rustix::fs::minor(device),
        }
    }
}

/// One line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// The device; one that the file system has made up, where it spans several.
    pub(super) number: Number,
    /// Where.
    pub(super) point: String,
    /// What was mounted, as it was said: a path for disks.
    pub(super) source: String,
}

/// Reads `/proc/self/mountinfo`; lines that aren't understood are passed over.
pub(super) fn parse_mountinfo(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse_mount).collect()
}

fn parse_mount(line: &str) -> Option<Mount> {
    // 36 35 98:0 /root /mnt/point rw,noatime master:1 - ext3 /dev/root rw
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(2);
    let number = Number::parse(before.next()?)?;
    let point = unescape(before.nth(1)?);
    let source = unescape(after.split(' ').nth(1)?);
    Some(Mount {
        number,
        point,
        source,
    })
}

/// Reads `/proc/swaps`: the paths of what is swapped to.
pub(super) fn parse_swaps(text: &str) -> Vec<PathBuf> {
    text.lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .map(|path| PathBuf::from(unescape(path)))
        .collect()
}

/// Spaces, tabs, line ends and backslashes stand there as a backslash and three octal digits.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let octal = others.get(..3).filter(|_| *first == b'\\').and_then(octal);
        if let Some(byte) = octal {
            bytes.push(byte);
            rest = &others[3..];
        } else {
            bytes.push(*first);
            rest = others;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn octal(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_with_spaces_in_their_names() {
        let text = "22 27 0:21 / /proc rw - proc proc rw\n\
                    40 27 8:17 / /media/me/my\\040card rw,nosuid shared:7 - vfat /dev/sdb1 rw\n\
                    nonsense\n";
        let mounts = parse_mountinfo(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(
            mounts[1],
            Mount {
                number: Number {
                    major: 8,
                    minor: 17
                },
                point: "/media/me/my card".to_owned(),
                source: "/dev/sdb1".to_owned(),
            }
        );
    }

    #[test]
    fn swaps_are_read_without_their_heading() {
        let text = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda3   partition\t1\t0\t-2\n";
        assert_eq!(parse_swaps(text), [PathBuf::from("/dev/sda3")]);
        assert_eq!(unescape("a\\134b\\9z\\"), "a\\b\\9z\\");
    }
}
