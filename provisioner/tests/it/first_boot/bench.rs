//! A base that looks like a real one, and what was baked on it.

use std::fmt::Write as _;
use std::fs;

use crate::fixtures::{Fixture, Machine, Release};
use crate::kinds::{ARM64, ARMHF, Kind};
use crate::support::{Ended, Sandbox, tool};

fn kind(machine: Machine) -> &'static Kind {
    match machine {
        Machine::Arm64 => &ARM64,
        Machine::Armhf => &ARMHF,
    }
}

/// A base, built in a sandbox of its own, with a broker for it.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    machine: Machine,
    boot: u64,
    root: u64,
}

impl Bench {
    pub(crate) fn new(release: Release, machine: Machine) -> Self {
        Self::of(Fixture::new(release, machine))
    }

    pub(crate) fn of(mut fixture: Fixture) -> Self {
        let (sandbox, kind) = (Sandbox::new(), kind(fixture.machine));
        let read = |name: &str| fs::read(kind.library(name)).unwrap();
        fixture.put(&kind.libc(), read("libc.so.6"), 0o755, (0, 0));
        fixture.put(
            &format!("usr/lib/{}", kind.loader),
            read(kind.loader),
            0o755,
            (0, 0),
        );
        fs::copy(kind.library(kind.loader), sandbox.path("broker")).unwrap();
        fixture.build(&sandbox.path("base.img"));
        let (boot, root) = (fixture.boot_offset(), fixture.root_offset());
        Self {
            sandbox,
            machine: fixture.machine,
            boot,
            root,
        }
    }

    /// Bakes `pi.img` with this recipe's `system`.
    pub(crate) fn bake(&self, login: &str) -> Ended {
        let recipe = format!(
            "system:\n  login: {{{login}}}\n  firewall: off\n  upgrades: none\n  \
             sd-card: {{swap: keep, noatime: true, commit-interval: 5}}\n"
        );
        self.bake_recipe(&recipe)
    }

    /// Bakes `pi.img` with this recipe.
    pub(crate) fn bake_recipe(&self, recipe: &str) -> Ended {
        self.sandbox.write("my.yaml", recipe);
        let target = match self.machine {
            Machine::Arm64 => "aarch64",
            Machine::Armhf => "armv7",
        };
        let mut args = vec![
            "image", "--broker", "broker", "--base", "base.img", "--out", "pi.img",
        ];
        args.extend(["--free", "1M", "--recipe", "./my.yaml", "--target", target]);
        self.sandbox.provision(&args)
    }

    pub(crate) fn script(&self, script: &str) -> String {
        let (boot, root) = (self.boot, self.root);
        let head = format!("root='?offset={root}'; boot=@@{boot}; ");
        tool(&self.sandbox, &(head + script)).success().stdout
    }

    /// What debugfs prints for `request` on the root file system of an image.
    pub(crate) fn debugfs(&self, image: &str, request: &str) -> String {
        self.script(&format!(
            "debugfs -R '{request}' \"{image}$root\" 2>/dev/null"
        ))
    }

    pub(crate) fn cat(&self, path: &str) -> String {
        self.debugfs("pi.img", &format!("cat {path}"))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.debugfs("pi.img", &format!("stat {path}"))
            .contains("Inode:")
    }

    pub(crate) fn clean(&self) {
        self.script(
            "e2fsck -fn \"pi.img$root\"
             dd if=pi.img of=boot.img bs=4M iflag=skip_bytes,count_bytes skip=${boot#@@} count=$((73728 * 512)) status=none
             fsck.vfat -n boot.img; sfdisk --verify pi.img",
        );
    }

    /// Names, modes, owners and sizes below a folder of the card, as debugfs lists them.
    pub(crate) fn listing(&self, folder: &str) -> String {
        let listed = self.debugfs("pi.img", &format!("ls -p {folder}"));
        let mut lines: Vec<_> = listed
            .lines()
            .filter_map(|line| {
                let fields: Vec<_> = line.split('/').collect();
                let [_, _, mode, uid, gid, name, ..] = fields[..] else {
                    return None;
                };
                (!matches!(name, "." | "..")).then(|| format!("{mode} {uid}:{gid} {folder}/{name}"))
            })
            .collect();
        lines.sort_by(|a, b| a.rsplit(' ').next().cmp(&b.rsplit(' ').next()));
        lines.join("\n") + "\n"
    }

    /// All files of the card that decide who may do what, in one text.
    pub(crate) fn state(&self) -> String {
        let mut state = String::new();
        for file in ["passwd", "shadow", "group", "gshadow", "subuid", "subgid"] {
            let text = self.cat(&format!("/etc/{file}"));
            let lines = text
                .lines()
                .filter(|line| line.contains("ada") || line.contains("pi:"));
            write!(
                state,
                "--- /etc/{file}\n{}\n",
                lines.collect::<Vec<_>>().join("\n")
            )
            .unwrap();
        }
        for folder in [
            "/home",
            "/home/ada",
            "/home/ada/.ssh",
            "/etc/ssh",
            "/etc/ssh/sshd_config.d",
            "/etc/sudoers.d",
            "/etc/systemd/system",
            "/etc/systemd/system/multi-user.target.wants",
            "/etc/systemd/system/getty.target.wants",
            "/etc/systemd/system/sysinit.target.wants",
            "/etc/systemd/system-preset",
            "/etc/cloud",
            "/var/lib/provision",
        ] {
            let listed = self.listing(folder);
            if listed.trim().is_empty() {
                continue;
            }
            state += &listed;
        }
        state
    }
}
