//! What this computer must offer before a base can be built, asked beforehand: a build that fails
//! after three minutes with `Exec format error` helps nobody.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::error::DebianError;
use super::inputs::DebianBase;
use super::port::Port;
use crate::process::{self, ProcessError};

/// How mmdebstrap becomes root of the tree that it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Namespaces of its own: for an ordinary user one in which he is root.
    Unshare,
    /// As the root that it is already, on a computer where root can't have namespaces.
    Root,
}

impl Mode {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unshare => "unshare",
            Self::Root => "root",
        }
    }
}

/// How this computer runs the programs of a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// Its processor is of their kind.
    Native,
    /// The kernel hands them to an emulator.
    Emulated,
}

/// The programs that a build runs, and the Debian packages that have them.
const TOOLS: [(&str, &str); 14] = [
    ("apt-get", "apt"),
    ("apt-cache", "apt"),
    ("apt-config", "apt"),
    ("dpkg-deb", "dpkg"),
    ("mmdebstrap", "mmdebstrap"),
    ("depmod", "kmod"),
    ("mke2fs", "e2fsprogs"),
    ("e2fsck", "e2fsprogs"),
    ("dumpe2fs", "e2fsprogs"),
    ("debugfs", "e2fsprogs"),
    ("mkfs.vfat", "dosfstools"),
    ("mcopy", "mtools"),
    ("mmd", "mtools"),
    ("unshare", "util-linux"),
];

/// Checks that `base` can be built here, and says how.
pub(super) fn check(base: &DebianBase) -> Result<Mode, DebianError> {
    if let Some(missing) = missing_tools().next() {
        return Err(missing.into());
    }
    execution(base)?;
    mode()
}

/// The programs that a build needs and this computer has not.
pub fn missing_tools() -> impl Iterator<Item = ProcessError> {
    TOOLS
        .into_iter()
        .filter_map(|(program, package)| process::find(program, package).err())
}

/// How the programs of `base` run here.
///
/// # Errors
///
/// [`DebianError::Emulator`] if they don't.
pub fn execution(base: &DebianBase) -> Result<Execution, DebianError> {
    if base.port.is_host() {
        return Ok(Execution::Native);
    }
    match emulator_gap(base.port, Path::new("/proc/sys/fs/binfmt_misc")) {
        None => Ok(Execution::Emulated),
        Some(why) => Err(DebianError::Emulator {
            architecture: base.port.architecture,
            why,
        }),
    }
}

/// How packages can be installed into a folder here.
///
/// # Errors
///
/// [`DebianError::Namespace`] if an ordinary user lacks something that it takes.
pub fn mode() -> Result<Mode, DebianError> {
    if is_root() {
        let mut probe = Command::new(process::find("unshare", "util-linux")?);
        let namespaces = process::run(probe.args(["--mount", "true"]), &[])?;
        return Ok(if namespaces.status.success() {
            Mode::Unshare
        } else {
            Mode::Root
        });
    }
    user_namespace()?;
    Ok(Mode::Unshare)
}

/// Whether this process has root's rights over the computer.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whoever registered the emulator must do it again.
pub(super) const WITHOUT_F: &str =
    "the emulator for them is registered without the flag F, so it fails in a chroot";

/// What is missing before the kernel runs foreign programs, given the folder of `binfmt_misc`.
fn emulator_gap(port: &Port, folder: &Path) -> Option<&'static str> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Some("the kernel's binfmt_misc is not there");
    };
    let entries: Vec<String> = entries
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .collect();
    if entries.is_empty() {
        return Some("binfmt_misc is not mounted at /proc/sys/fs/binfmt_misc");
    }
    // Whoever registered an emulator chose its name: the machine number in the magic is what counts.
    let Some(entry) = entries.iter().find(|entry| {
        field(entry, "magic ").is_some_and(|magic| {
            magic.starts_with("7f454c46") && magic.get(36..40) == Some(port.elf_machine)
        })
    }) else {
        return Some("no emulator for them is registered with the kernel");
    };
    if entry.lines().next() != Some("enabled") {
        return Some("the emulator for them is switched off");
    }
    // Without F the emulator would be looked for in the new root, where it isn't.
    if !field(entry, "flags: ").is_some_and(|flags| flags.contains('F')) {
        return Some(WITHOUT_F);
    }
    None
}

fn field<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    entry.lines().find_map(|line| line.strip_prefix(name))
}

/// Checks what mmdebstrap's user namespace needs and reports badly.
fn user_namespace() -> Result<(), DebianError> {
    let id = process::find("id", "coreutils")?;
    let user = process::run(Command::new(id).arg("-un"), &[])?;
    let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
    let refuse = |why, cure| {
        Err(DebianError::Namespace {
            user: user.clone(),
            why,
            cure,
        })
    };
    if process::find("newuidmap", "uidmap").is_err() {
        return refuse(
            "newuidmap is not installed",
            "install it: `sudo apt-get install uidmap`, or run `ci/setup`".to_owned(),
        );
    }
    let uid = rustix::process::geteuid().as_raw().to_string();
    let lacking = [
        ("/etc/subuid", "--add-subuids 100000-165535"),
        ("/etc/subgid", "--add-subgids 100000-165535"),
    ]
    .into_iter()
    .filter(|(file, _)| {
        let table = fs::read_to_string(file).unwrap_or_default();
        !has_range(&table, &user, &uid)
    });
    let options: Vec<_> = lacking.map(|(_, option)| option).collect();
    if !options.is_empty() {
        return refuse(
            "/etc/subuid and /etc/subgid give it no range of ids",
            format!(
                "`sudo usermod {} {user}` (with a range that is free)",
                options.join(" ")
            ),
        );
    }
    for (file, closed) in [
        ("/proc/sys/user/max_user_namespaces", "0"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0"),
    ] {
        if fs::read_to_string(file).is_ok_and(|value| value.trim() == closed) {
            return refuse(
                "the kernel allows ordinary users no namespaces",
                format!(
                    "let it: write 1 to {file} as root (65536 for a maximum), or run this as root"
                ),
            );
        }
    }
    Ok(())
}

/// Whether a table of `/etc/subuid`'s format gives `user` the 65,536 ids that Debian needs.
fn has_range(table: &str, user: &str, uid: &str) -> bool {
    table.lines().any(|line| {
        let mut fields = line.split(':');
        let owner = fields.next();
        let count = fields.nth(1).and_then(|count| count.parse::<u64>().ok());
        (owner == Some(user) || owner == Some(uid)) && count >= Some(65_536)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QEMU: &str = "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: POF\noffset 0\n\
        magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";

    fn gap(entries: &[(&str, &str)]) -> Option<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in entries {
            let mut file = fs::File::create(folder.path().join(name)).unwrap();
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        }
        emulator_gap(Port::of(crate::Architecture::Arm64).unwrap(), folder.path())
    }

    #[test]
    fn an_emulator_is_known_by_its_machine_and_not_by_its_name() {
        assert_eq!(gap(&[("status", "enabled\n"), ("somebodys", QEMU)]), None);
    }

    #[test]
    fn each_way_to_lack_an_emulator_is_told_apart() {
        let other = QEMU.replace("b700", "2800");
        let off = QEMU.replace("enabled", "disabled");
        let outside = QEMU.replace("POF", "PO");

        assert_eq!(
            [
                gap(&[]),
                gap(&[("status", "enabled\n"), ("qemu-aarch64", &other)]),
                gap(&[("qemu-aarch64", &off)]),
                gap(&[("qemu-aarch64", &outside)]),
            ],
            [
                Some("binfmt_misc is not mounted at /proc/sys/fs/binfmt_misc"),
                Some("no emulator for them is registered with the kernel"),
                Some("the emulator for them is switched off"),
                Some(WITHOUT_F),
            ]
        );
    }

    #[test]
    fn a_range_belongs_to_a_name_or_a_number_and_must_be_long_enough() {
        let table = "ada:100000:65536\n1001:165536:65536\nbob:300000:100\n";

        assert!(has_range(table, "ada", "1000"));
        assert!(has_range(table, "eve", "1001"));
        assert!(!has_range(table, "bob", "1002"));
        assert!(!has_range(table, "da", "1003"));
    }
}
