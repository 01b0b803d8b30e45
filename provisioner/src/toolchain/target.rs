//! The kinds of computer that a broker can be made for.

use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use image::Architecture;

use crate::hint::{Fault, nearest};

/// A kind of computer: a row of the table at the end of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Target {
    /// 64 bits: Pi 3, Zero 2 W, 4; with a base of Raspberry Pi OS 5 too.
    #[value(name = "aarch64")]
    Aarch64,
    /// 32 bits: Pi 2, 3; with a base of Raspberry Pi OS 4 and 5 too.
    #[value(name = "armv7")]
    Armv7,
    /// A PC or a virtual machine; for `push` only.
    #[value(name = "x86_64")]
    X86_64,
}

/// What is known of a target.
struct Facts {
    name: &'static str,
    triple: &'static str,
    linker: &'static str,
    packages: &'static str,
    architecture: Architecture,
    libc_path: &'static str,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Aarch64, Self::Armv7, Self::X86_64];

    /// Whether it is a Raspberry Pi, which boots from a card.
    pub const fn is_pi(self) -> bool {
        matches!(self, Self::Aarch64 | Self::Armv7)
    }

    /// Refuses what boots from no card.
    ///
    /// # Errors
    ///
    /// Unless it is a Raspberry Pi.
    pub fn check_card(self) -> anyhow::Result<()> {
        if self.is_pi() {
            return Ok(());
        }
        let text = format!("no card can be made for {self}: it is no Raspberry Pi");
        Err(Fault::input(text)
            .hint("choose --target aarch64 (Pi 3, Zero 2 W, 4) or --target armv7 (Pi 2, 3)")
            .into())
    }

    /// What people call it.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// What Rust calls it.
    pub const fn triple(self) -> &'static str {
        self.facts().triple
    }

    /// The C compiler that links for it; Debian's name.
    pub const fn linker(self) -> &'static str {
        self.facts().linker
    }

    /// The Debian packages that bring compiler and C library.
    pub const fn packages(self) -> &'static str {
        self.facts().packages
    }

    /// What the system's programs are made for.
    pub const fn architecture(self) -> Architecture {
        self.facts().architecture
    }

    /// Where Debian and Raspberry Pi OS have the C library.
    pub const fn libc_path(self) -> &'static str {
        self.facts().libc_path
    }

    const fn facts(self) -> &'static Facts {
        match self {
            Self::Aarch64 => &AARCH64,
            Self::Armv7 => &ARMV7,
            Self::X86_64 => &X86_64,
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
        Err(Fault::input(format!("there is no target {text:?}")).hint(meant(text)))
    }
}

/// What somebody should know who asked for the target `text`, which doesn't exist.
fn meant(text: &str) -> String {
    // These are a letter away from armv7, whose programs die on them of an illegal instruction.
    if text.starts_with("armv6") || matches!(text, "arm" | "armel") {
        return "there is no broker for the processor of a Pi 1 and Zero; armv7 is for Pi 2 and 3"
            .to_owned();
    }
    // As Debian and the Raspberry Pi's people call them.
    let known = Target::ALL.into_iter().find(|target| {
        let debians = target.architecture().name();
        text == debians || (*target == Target::Aarch64 && text.starts_with("armv8"))
    });
    let names = Target::ALL.map(Target::name);
    match known.map(Target::name).or_else(|| nearest(text, names)) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", names.join(", ")),
    }
}

/// Reads `--target`: as clap does it, but clap would take armv7 for a good guess at armv6.
#[derive(Debug, Clone, Copy)]
pub struct TargetParser;

impl TypedValueParser for TargetParser {
    type Value = Target;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let parse = |text: String| {
            let target = text.parse::<Target>();
            target.map_err(|fault| format!("{fault}; {}", meant(&text)))
        };
        StringValueParser::new()
            .try_map(parse)
            .parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = Target::value_variants().iter();
        Some(Box::new(values.filter_map(ValueEnum::to_possible_value)))
    }
}

static AARCH64: Facts = Facts {
    name: "aarch64",
    triple: "aarch64-unknown-linux-gnu",
    linker: "aarch64-linux-gnu-gcc",
    packages: "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    architecture: Architecture::Arm64,
    libc_path: "/usr/lib/aarch64-linux-gnu/libc.so.6",
};

static ARMV7: Facts = Facts {
    name: "armv7",
    triple: "armv7-unknown-linux-gnueabihf",
    linker: "arm-linux-gnueabihf-gcc",
    packages: "gcc-arm-linux-gnueabihf libc6-dev-armhf-cross",
    architecture: Architecture::Armhf,
    libc_path: "/usr/lib/arm-linux-gnueabihf/libc.so.6",
};

static X86_64: Facts = Facts {
    name: "x86_64",
    triple: "x86_64-unknown-linux-gnu",
    linker: "x86_64-linux-gnu-gcc",
    packages: "gcc-x86-64-linux-gnu libc6-dev-amd64-cross",
    architecture: Architecture::Amd64,
    libc_path: "/usr/lib/x86_64-linux-gnu/libc.so.6",
};
