//! What must not be written, and why.

use super::disk::Disk;

/// What is allowed that is refused otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions {
    /// Disks that aren't made to be taken out. Never those that the system runs from.
    pub fixed: bool,
}

/// Why a disk must not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The computer runs from it.
    #[error("{disk} is a disk of this system: {uses}")]
    SystemDisk {
        /// Its path.
        disk: String,
        /// What is on it.
        uses: String,
    },
    /// It is in use.
    #[error("{disk} is mounted at {}", points.join(", "))]
    Mounted {
        /// Its path.
        disk: String,
        /// Where.
        points: Vec<String>,
    },
    /// Something lies on top of it: a loop device, device mapper, LVM, RAID.
    #[error("{disk} is in use by {}", holders.join(", "))]
    Held {
        /// Its path.
        disk: String,
        /// By what.
        holders: Vec<String>,
    },
    /// A reader without a card.
    #[error("there is no card in {disk}")]
    Empty {
        /// Its path.
        disk: String,
    },
    /// The lock of the card is shut, or the card has shut itself.
    #[error("{disk} can only be read")]
    ReadOnly {
        /// Its path.
        disk: String,
    },
    /// It isn't made to be taken out.
    #[error("{disk} ({bus}) is not a removable disk")]
    Fixed {
        /// Its path.
        disk: String,
        /// How it is connected.
        bus: &'static str,
    },
    /// It is smaller than the image.
    #[error("{disk} has {size} bytes, {missing} too few for the image", missing = needed - size)]
    TooSmall {
        /// Its path.
        disk: String,
        /// Its size in bytes.
        size: u64,
        /// The bytes of the image.
        needed: u64,
    },
}

impl Refusal {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::SystemDisk { .. } => Some("name another disk; this one is never written".into()),
            Self::Mounted { points, .. } => {
                let quoted: Vec<_> = points.iter().map(|point| quoted(point)).collect();
                Some(format!(
                    "say --unmount, or unmount it yourself: `umount {}`",
                    quoted.join(" ")
                ))
            }
            Self::Held { .. } => Some(
                "unmount and take apart what lies on it first (`losetup --detach`, `dmsetup`, `vgchange -an`, `mdadm --stop`)"
                    .into(),
            ),
            Self::Empty { .. } => Some("put a card in".into()),
            Self::ReadOnly { .. } => {
                Some("move the card's lock; a card that stays read-only is worn out".into())
            }
            Self::Fixed { .. } => Some("say --allow-fixed if you mean it".into()),
            Self::TooSmall { .. } => Some("take a larger card".into()),
        }
    }
}

/// Mount points that stand for the system itself, and what is below those that end in a slash.
const SYSTEM: [&str; 22] = [
    "/",
    "/boot",
    "/boot/",
    "/efi",
    "/usr",
    "/usr/",
    "/var",
    "/var/",
    "/etc",
    "/etc/",
    "/home",
    "/root",
    "/srv",
    "/opt",
    "/tmp",
    "/nix",
    "/nix/",
    "/snap/",
    "/cdrom",
    "/run/live/",
    "/run/initramfs/",
    "/sysroot",
];

impl Disk {
    /// Why it must not be written with an image of at least `needed` bytes, if there is a reason. The gravest
    /// is told.
    pub fn refusal(&self, needed: u64, allowed: Permissions) -> Option<Refusal> {
        let disk = self.path.display().to_string();
        let uses = self.system_uses();
        if !uses.is_empty() {
            let uses = uses.join(", ");
            return Some(Refusal::SystemDisk { disk, uses });
        }
        if self.size == 0 {
            return Some(Refusal::Empty { disk });
        }
        if !self.removable && !allowed.fixed {
            let bus = self.bus.name();
            return Some(Refusal::Fixed { disk, bus });
        }
        if !self.mounts.is_empty() {
            let points = self.mounts.clone();
            return Some(Refusal::Mounted { disk, points });
        }
        if !self.holders.is_empty() {
            let holders = self.holders.clone();
            return Some(Refusal::Held { disk, holders });
        }
        if self.read_only {
            return Some(Refusal::ReadOnly { disk });
        }
        let size = self.size;
        (size < needed).then_some(Refusal::TooSmall { disk, size, needed })
    }

    /// What of the running system is on it.
    pub fn system_uses(&self) -> Vec<String> {
        let mounts = self.mounts.iter().filter(|point| is_system(point));
        let swaps = self.swaps.iter().map(|name| format!("swap on {name}"));
        mounts.cloned().chain(swaps).collect()
    }
}

fn is_system(point: &str) -> bool {
    SYSTEM.iter().any(|known| match known.strip_suffix('/') {
        Some(folder) if !folder.is_empty() => point.starts_with(known),
        _ => point == *known,
    }) || is_a_home(point)
}

/// A folder directly in `/home` is somebody's home.
fn is_a_home(point: &str) -> bool {
    point
        .strip_prefix("/home/")
        .is_some_and(|name| !name.contains('/'))
}

/// A word as the shell reads it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_of_the_system_are_told_from_those_of_cards() {
        for point in [
            "/",
            "/boot/firmware",
            "/home",
            "/home/ada",
            "/var/lib/docker",
            "/cdrom",
        ] {
            assert!(is_system(point), "{point}");
        }
        for point in [
            "/media/ada/bootfs",
            "/mnt",
            "/home/ada/card",
            "/run/media/ada/x",
            "/bootx",
        ] {
            assert!(!is_system(point), "{point}");
        }
    }

    #[test]
    fn a_command_can_be_copied_from_a_hint() {
        assert_eq!(quoted("/media/ada/bootfs"), "/media/ada/bootfs");
        assert_eq!(quoted("/media/ada's card"), "'/media/ada'\\''s card'");
    }
}
