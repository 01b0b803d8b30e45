//! What system is on a card: its name, and what its programs are compiled for.

use std::fmt;

/// The processor architectures of Debian and Raspberry Pi OS that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// 64-bit ARM.
    Arm64,
    /// 32-bit ARM with hardware floating point. Whether version 6 of the processor's instructions is
    /// enough can't be told from a program's header.
    Armhf,
    /// 64-bit x86, for trials on a PC.
    Amd64,
}

impl Architecture {
    /// How many bytes of a program must be read to tell.
    pub(crate) const HEADER: usize = 40;

    /// Debian's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::Armhf => "armhf",
            Self::Amd64 => "amd64",
        }
    }

    /// The architecture of a program, from the first bytes of its ELF header, 20 or for 32-bit ARM 40: the
    /// class (32 or 64 bits), the byte order (little), `e_machine`, and for 32-bit ARM also `e_flags`:
    /// without hardware floating point it is Debian's armel, which is another architecture.
    pub fn of_elf(header: &[u8]) -> Option<Self> {
        if header.len() < 20 || header[..4] != *b"\x7fELF" {
            return None;
        }
        let machine = u16::from_le_bytes([header[18], header[19]]);
        match (header[4], header[5], machine) {
            (2, 1, 183) => Some(Self::Arm64),
            // Where a 32-bit header has its flags, EF_ARM_ABI_FLOAT_HARD among them.
            (1, 1, 40) if header.get(37)? & 0x04 != 0 => Some(Self::Armhf),
            (2, 1, 62) => Some(Self::Amd64),
            _ => None,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What `/etc/os-release` says. Fields that it lacks are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct OsRelease {
    /// `debian`, `raspbian`.
    pub id: String,
    /// `12`, `13`.
    pub version_id: String,
    /// `bookworm`, `trixie`.
    pub codename: String,
    /// `Debian GNU/Linux 13 (trixie)`.
    pub pretty_name: String,
}

impl OsRelease {
    /// Reads the file: assignments as a shell would read them. Lines that are none are passed over.
    pub fn parse(text: &str) -> Self {
        let mut release = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.trim().split_once('=')) {
            let field = match key {
                "ID" => &mut release.id,
                "VERSION_ID" => &mut release.version_id,
                "VERSION_CODENAME" => &mut release.codename,
                "PRETTY_NAME" => &mut release.pretty_name,
                _ => continue,
            };
            *field = unquoted(value);
        }
        release
    }
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(value).replace('\\', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_as_a_shell_reads_it() {
        let release = OsRelease::parse(
            "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n# comment\nID=debian\nVERSION_ID='13'\nVERSION_CODENAME=trixie\n",
        );
        assert_eq!(release.pretty_name, "Debian GNU/Linux 13 (trixie)");
        assert_eq!(release.id, "debian");
        assert_eq!(release.version_id, "13");
        assert_eq!(release.codename, "trixie");
    }

    #[test]
    fn this_test_program_has_an_architecture_and_text_has_none() {
        let program = std::fs::read("/proc/self/exe").unwrap();
        assert!(Architecture::of_elf(&program).is_some());
        assert_eq!(Architecture::of_elf(b"#!/bin/sh\nexec something"), None);
        assert_eq!(Architecture::of_elf(b"\x7fELF"), None);
    }

    #[test]
    fn armhf_and_armel_are_told_apart() {
        let mut header = [0; Architecture::HEADER];
        header[..6].copy_from_slice(b"\x7fELF\x01\x01");
        header[18] = 40;
        // What Debian's programs have: EABI 5 with hardware and with software floating point.
        header[36..].copy_from_slice(&0x0500_0400_u32.to_le_bytes());
        assert_eq!(Architecture::of_elf(&header), Some(Architecture::Armhf));
        header[36..].copy_from_slice(&0x0500_0200_u32.to_le_bytes());
        assert_eq!(Architecture::of_elf(&header), None);
    }
}
