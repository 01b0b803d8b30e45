//! Whether the broker can be compiled, and for which computers.

use std::process::Command;

use anyhow::bail;

use super::check::{Checked, Finding, finding, skipped, well};
use crate::process;
use crate::toolchain::{Compiler, Target, find_cargo, find_linker};

/// The oldest Rust that everything here is tried with, as `ci/setup` has it.
const OLDEST_RUST: (u32, u32) = (1, 89);

/// Cargo and its version.
pub(super) fn cargo() -> Checked {
    let path = match find_cargo() {
        Ok(path) => path,
        Err(fault) => return Ok(Err(Finding::of(&fault.into(), "run `ci/setup`"))),
    };
    let printed = match process::output(Command::new(&path).arg("--version")) {
        Ok(printed) => printed,
        Err(error) => {
            return Ok(Err(Finding::of(
                &error,
                "`rustup default stable` if rustup has no toolchain, else install Rust again",
            )));
        }
    };
    let Some(version) = version_in(&printed) else {
        let text = printed.lines().next().unwrap_or_default();
        bail!("{} says its version is {text:?}", path.display());
    };
    let (major, minor) = OLDEST_RUST;
    if number(version) < Some(OLDEST_RUST) {
        return finding(
            format!("cargo is version {version}, and {major}.{minor} or newer is needed"),
            "`rustup update stable`, or name a ready-made broker with --broker FILE",
        );
    }
    well(format!("{} is version {version}", path.display()))
}

/// Linker and standard library for `target`.
pub(super) fn target(target: Target) -> Checked {
    let mut gaps: Vec<anyhow::Error> = Vec::new();
    if let Err(fault) = find_linker(target) {
        gaps.push(fault.into());
    }
    // Without cargo there is a finding already, and most probably no compiler that could be asked.
    let compiler = find_cargo().ok().map(|_| Compiler::with_library(target));
    match compiler {
        Some(Ok(compiler)) if gaps.is_empty() => {
            let version = version_in(compiler.version()).unwrap_or("of unknown version");
            return well(format!(
                "{} links for {}, whose library rustc {version} has",
                target.linker(),
                target.triple()
            ));
        }
        None if gaps.is_empty() => {
            return skipped(format!(
                "{} is there; without cargo the library can't be looked for",
                target.linker()
            ));
        }
        Some(Err(error)) => gaps.push(error),
        Some(Ok(_)) | None => {}
    }
    let gaps = gaps.iter().map(|gap| Finding::of(gap, "run `ci/setup`"));
    let (what, cures): (Vec<_>, Vec<_>) = gaps.map(|gap| (gap.what, gap.cure)).unzip();
    let (what, cure) = (what.join("; "), cures.join("; "));
    match target {
        Target::Aarch64 | Target::Armv7 => finding(what, cure),
        // No card is made for it.
        Target::X86_64 => skipped(format!(
            "{what} (only `provision push` to a PC needs that: {cure})"
        )),
    }
}

/// The version in `cargo 1.95.0 (f2d3ce0bd 2026-03-21)`.
fn version_in(printed: &str) -> Option<&str> {
    let word = printed.split_whitespace().nth(1)?;
    number(word).map(|_| word)
}

fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_rust_is_the_one_that_setup_asks_for() {
        let setup = include_str!("../../../ci/setup");
        let oldest = setup
            .lines()
            .find_map(|line| line.strip_prefix("OLDEST_RUST="));
        assert_eq!(number(oldest.unwrap()), Some(OLDEST_RUST));
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(
            version_in("cargo 1.95.0 (f2d3ce0bd 2026-03-21)\n"),
            Some("1.95.0")
        );
        assert_eq!(version_in("cargo: no toolchain"), None);
        assert!(number("1.100.0") > Some(OLDEST_RUST));
        assert!(number("1.9.0") < Some(OLDEST_RUST));
    }
}
