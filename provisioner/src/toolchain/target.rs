//! The kinds of board that a broker can be made for.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use image::Architecture;

use crate::hint::{Fault, nearest};

/// A kind of board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Target {
    /// 64 bits: Pi 3, Zero 2 W, 4.
    Aarch64,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Aarch64];

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64",
        }
    }

    /// What Rust calls it.
    pub const fn triple(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// The C compiler that links for it; Debian's name.
    pub const fn linker(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64-linux-gnu-gcc",
        }
    }

    /// The Debian packages that bring compiler and C library.
    pub const fn packages(self) -> &'static str {
        match self {
            Self::Aarch64 => "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
        }
    }

    /// What the image's programs are made for.
    pub const fn architecture(self) -> Architecture {
        match self {
            Self::Aarch64 => Architecture::Arm64,
        }
    }

    /// Where Debian and Raspberry Pi OS have the C library.
    pub const fn libc_path(self) -> &'static str {
        match self {
            Self::Aarch64 => "/usr/lib/aarch64-linux-gnu/libc.so.6",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Target {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(target) = Self::ALL.into_iter().find(|target| target.name() == text) {
            return Ok(target);
        }
        let fault = Fault::input(format!("there is no target {text:?}"));
        let names = Self::ALL.map(Self::name);
        Err(match nearest(text, names) {
            Some(near) => fault.hint(format!("did you mean {near}?")),
            None => fault.hint(format!("there is {}", names.join(", "))),
        })
    }
}
