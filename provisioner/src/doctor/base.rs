//! Whether a base can be built and an image be written here.

use std::path::{Path, PathBuf};

use image::ProcessError;
use image::base::debian::host::{self, Execution, Mode};
use image::base::debian::{DebianBase, KEYRINGS, Suite};
use image::ext4;

use super::check::{Checked, Finding, finding, skipped, well};
use crate::process;
use crate::toolchain::Target;

/// What makes, writes, checks and grows ext4.
const E2FSPROGS: [&str; 4] = ["mke2fs", "debugfs", "e2fsck", "resize2fs"];

/// Whether e2fsprogs is there and new enough.
pub(super) fn e2fsprogs() -> Checked {
    let mut versions: Vec<String> = Vec::new();
    for program in E2FSPROGS {
        match ext4::tool(program) {
            Ok(tool) => versions.push(format!("{program} {}", tool.version)),
            Err(error @ (ProcessError::Missing { .. } | ProcessError::TooOld { .. })) => {
                return Ok(Err(Finding::of(&in_words(error), "run `ci/setup`")));
            }
            Err(error) => return Err(in_words(error)),
        }
    }
    well(versions.join(", "))
}

/// Whether the other programs are there that build a base.
pub(super) fn tools() -> Checked {
    let (mut programs, mut packages) = (Vec::new(), Vec::new());
    for error in host::missing_tools() {
        let ProcessError::Missing { program, package } = error else {
            return Err(in_words(error));
        };
        // It has a check of its own.
        if package == "e2fsprogs" {
            continue;
        }
        programs.push(program);
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    if programs.is_empty() {
        return well("mmdebstrap and the programs that it needs are there");
    }
    let are = if programs.len() == 1 { "is" } else { "are" };
    finding(
        format!("{} {are} not installed", programs.join(", ")),
        format!("sudo apt-get install {}", packages.join(" ")),
    )
}

/// Whether the signatures of Debian's mirrors can be checked.
pub(super) fn keyring() -> Checked {
    match KEYRINGS.into_iter().find(|path| Path::new(path).exists()) {
        Some(path) => well(path),
        None => finding(
            "Debian's keys are not installed, and no mirror is trusted without them",
            "sudo apt-get install debian-archive-keyring",
        ),
    }
}

/// Whether this user can install packages into a folder.
pub(super) fn namespace() -> Checked {
    match host::mode() {
        Ok(Mode::Unshare) => well("packages are installed in a namespace of their own"),
        Ok(Mode::Root) => well("packages are installed as root"),
        Err(error) => Ok(Err(Finding::of(&in_words(error), "run `ci/setup`"))),
    }
}

/// Whether the programs of `target` run here, as the installation of packages needs it.
pub(super) fn emulator(target: Target) -> Checked {
    let Some(base) = DebianBase::new(Suite::STABLE, target.architecture()) else {
        return skipped(format!("Debian has no base for {target}"));
    };
    match host::execution(&base) {
        Ok(Execution::Native) => well(format!("this computer runs programs for {target} itself")),
        Ok(Execution::Emulated) => well(format!(
            "programs for {target} run in an emulator that is registered with the kernel"
        )),
        Err(error) => Ok(Err(Finding::of(&in_words(error), "run `ci/setup`"))),
    }
}

/// Whether a card can be tried without a Pi.
pub(super) fn qemu() -> Checked {
    let programs = ["qemu-system-aarch64", "qemu-system-arm"];
    let found: Vec<Option<PathBuf>> = programs.into_iter().map(process::find).collect();
    let names = |there: bool| {
        let chosen = programs
            .into_iter()
            .zip(&found)
            .filter(|(_, path)| path.is_some() == there);
        let names: Vec<_> = chosen.map(|(program, _)| program).collect();
        names.join(" and ")
    };
    if found.iter().all(Option::is_some) {
        well(format!("{} are there", names(true)))
    } else {
        skipped(format!(
            "without {}, `ci/boot` can't try a card; to bake one it is not needed",
            names(false)
        ))
    }
}

/// The error with its hint, which is known where it is an [`image::Error`].
fn in_words(error: impl Into<image::Error>) -> anyhow::Error {
    anyhow::Error::from(error.into())
}
