//! What a base is, as far as overlays care.

use std::fmt;

use image::FirstBoot;
use serde::Deserialize;

/// A system that an overlay can be for, as `overlay.yaml` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseSystem {
    /// Debian as it comes, which sets nothing up by itself.
    Debian,
    /// Raspberry Pi OS, of any release.
    Raspios,
    /// Neither, or nobody knows.
    Other,
}

impl From<FirstBoot> for BaseSystem {
    fn from(first_boot: FirstBoot) -> Self {
        match first_boot {
            FirstBoot::Debian => Self::Debian,
            FirstBoot::Systemd | FirstBoot::CloudInit | FirstBoot::Preseed => Self::Raspios,
            FirstBoot::Unknown => Self::Other,
        }
    }
}

impl fmt::Display for BaseSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debian => "Debian",
            Self::Raspios => "Raspberry Pi OS",
            Self::Other => "an unknown system",
        })
    }
}
