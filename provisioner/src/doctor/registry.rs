//! The table of checks.

use std::path::Path;

use time::OffsetDateTime;

use super::check::{Checked, Report};
use super::{base, clock, rust, site, space};
use crate::toolchain::Target;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The folder of the site, which need not be there.
    pub site: &'a Path,
    /// What the computer's clock says.
    pub now: OffsetDateTime,
}

/// A check and what it is called.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) run: fn(&Surroundings<'_>) -> Checked,
}

/// What concerns the computer, in the order in which it matters.
static COMPUTER: &[Check] = &[
    check("cargo", |_| rust::cargo()),
    check("broker-aarch64", |_| rust::target(Target::Aarch64)),
    check("broker-armv7", |_| rust::target(Target::Armv7)),
    check("broker-x86_64", |_| rust::target(Target::X86_64)),
    check("e2fsprogs", |_| base::e2fsprogs()),
    check("base-tools", |_| base::tools()),
    check("keyring", |_| base::keyring()),
    check("namespace", |_| base::namespace()),
    check("emulator-aarch64", |_| base::emulator(Target::Aarch64)),
    check("emulator-armv7", |_| base::emulator(Target::Armv7)),
    check("qemu", |_| base::qemu()),
    check("space-cache", |_| space::cache()),
    check("space-temporary", |_| space::temporary()),
    check("space-here", |_| space::here()),
    check("clock", clock::clock),
];

const fn check(name: &'static str, run: fn(&Surroundings<'_>) -> Checked) -> Check {
    Check { name, run }
}

/// Makes all checks. None keeps another from being made.
pub fn examine(around: &Surroundings<'_>) -> Vec<Report> {
    let mut reports = examine_all(COMPUTER, around);
    reports.extend(site::examine(around));
    reports
}

pub(super) fn examine_all(checks: &[Check], around: &Surroundings<'_>) -> Vec<Report> {
    checks
        .iter()
        .map(|check| Report::new(check.name, (check.run)(around)))
        .collect()
}
