//! Small real images, and the tools that judge them.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use image::{
    AssembleRequest, Entry, EntryPath, Error, Overlay, Progress, Report, Silent, Timestamp,
    assemble,
};
use tempfile::TempDir;

/// 2026-01-02 03:04:05 UTC.
pub(crate) const WHEN: Timestamp = Timestamp::from_unix(1_767_323_045);
/// Where the FAT partition of a test image begins, in sectors, and how long it is: as little as FAT32
/// may have with clusters of one sector.
const BOOT: (u64, u64) = (16_384, 73_728);
/// The same for the root partition: 24 MiB.
pub(crate) const ROOT: (u64, u64) = (90_112, 49_152);

/// The two releases of Raspberry Pi OS whose file systems differ.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Features {
    Bookworm,
    Trixie,
}

impl Features {
    pub(crate) const BOTH: [Self; 2] = [Self::Bookworm, Self::Trixie];

    pub(crate) fn mke2fs(self) -> &'static str {
        match self {
            Self::Bookworm => "^64bit,^huge_file,^metadata_csum_seed,^orphan_file",
            Self::Trixie => "^64bit,^huge_file,metadata_csum,metadata_csum_seed,orphan_file",
        }
    }
}

/// A folder with a base image in it, laid out like Raspberry Pi OS.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
}

impl Bench {
    pub(crate) fn new(features: Features) -> Self {
        Self::with(features, |_| {})
    }

    /// A base whose root file system `change` has had its hand in.
    pub(crate) fn with(features: Features, change: impl FnOnce(&Path)) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let tree = bench.path("tree");
        root_tree(&tree);
        change(&tree);
        bench.format(&tree, features);
        bench.fill_boot();
        bench
    }

    /// A base whose root file system is made with these options of `mke2fs`.
    pub(crate) fn made(options: &[&str], change: impl FnOnce(&Path)) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let tree = bench.path("tree");
        root_tree(&tree);
        change(&tree);
        bench.format_with(&tree, options);
        bench.fill_boot();
        bench
    }

    fn format(&self, tree: &Path, features: Features) {
        self.format_with(tree, &["-b", "4096", "-O", features.mke2fs()]);
    }

    fn format_with(&self, tree: &Path, options: &[&str]) {
        let base = self.base();
        let file = File::create(&base).unwrap();
        file.set_len((ROOT.0 + ROOT.1) * 512).unwrap();
        let table = format!(
            "label: dos\nlabel-id: 0x4f2c9ea0\nstart={},size={},type=c\nstart={},size={},type=83\n",
            BOOT.0, BOOT.1, ROOT.0, ROOT.1
        );
        let mut sfdisk = tool("sfdisk");
        sfdisk
            .args(["--quiet", "--no-reread", "--no-tell-kernel"])
            .arg(&base);
        feed(&mut sfdisk, table.as_bytes());
        run(tool("mkfs.vfat")
            .args(["-F", "32", "-s", "1", "-n", "bootfs", "-i", "4f2c9ea0"])
            .args(["--offset", &BOOT.0.to_string()])
            .arg(&base)
            .arg((BOOT.1 / 2).to_string()));
        run(tool("mke2fs")
            .args(["-q", "-t", "ext4", "-N", "1024", "-L", "rootfs"])
            .args(options)
            .args(["-E", &format!("offset={},root_owner=0:0", ROOT.0 * 512)])
            .args(["-d".as_ref(), tree.as_os_str()])
            .arg(&base)
            .arg(format!("{}k", ROOT.1 / 2)));
    }

    fn fill_boot(&self) {
        let files = [
            ("config.txt", "# comment\narm_64bit=1\n"),
            (
                "cmdline.txt",
                "console=tty1 root=PARTUUID=4f2c9ea0-02 rootfstype=ext4 rootwait resize\n",
            ),
        ];
        for (name, text) in files {
            let source = self.path(name);
            write(&source, text);
            run(tool("mcopy")
                .arg("-i")
                .arg(at_boot(&self.base()))
                .arg(&source)
                .arg("::/"));
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn base(&self) -> PathBuf {
        self.path("base.img")
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.path("pi.img")
    }

    /// A request for `output` with nothing special.
    pub(crate) fn assemble(&self, overlay: &Overlay) -> Result<Report, Error> {
        self.assemble_with(overlay, |_| {})
    }

    pub(crate) fn assemble_with(
        &self,
        overlay: &Overlay,
        change: impl FnOnce(&mut AssembleRequest<'_>),
    ) -> Result<Report, Error> {
        let (base, output) = (self.base(), self.output());
        let mut request = AssembleRequest {
            base: &base,
            output: &output,
            overlay,
            free: 0,
            size: image::ImageSize::AsNeeded,
            limit: None,
            timestamp: WHEN,
            disk_id: None,
        };
        change(&mut request);
        assemble(&request, &mut Silent)
    }

    /// Assembles with `free` bytes to spare, and tells `progress`.
    pub(crate) fn assemble_watched(
        &self,
        overlay: &Overlay,
        free: u64,
        progress: &mut dyn Progress,
    ) -> Result<Report, Error> {
        let (base, output) = (self.base(), self.output());
        let request = AssembleRequest {
            base: &base,
            output: &output,
            overlay,
            free,
            size: image::ImageSize::AsNeeded,
            limit: None,
            timestamp: WHEN,
            disk_id: None,
        };
        assemble(&request, progress)
    }

    /// The names in the folder, to show that nothing was left behind.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn root_tree(tree: &Path) {
    for folder in [
        "etc",
        "usr/bin",
        "usr/lib/systemd/system",
        "boot/firmware",
        "home",
        "var/lib",
    ] {
        fs::create_dir_all(tree.join(folder)).unwrap();
    }
    symlink("usr/lib", tree.join("lib")).unwrap();
    symlink("/usr/bin", tree.join("bin")).unwrap();
    symlink(
        "../run/systemd/resolve/stub-resolv.conf",
        tree.join("etc/resolv.conf"),
    )
    .unwrap();
    write(
        &tree.join("etc/os-release"),
        "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\nVERSION_CODENAME=trixie\n",
    );
    write(&tree.join("etc/hostname"), "raspberrypi\n");
    write(
        &tree.join("etc/fstab"),
        "PARTUUID=4f2c9ea0-01 /boot/firmware vfat defaults 0 2\nPARTUUID=4f2c9ea0-02 / ext4 defaults,noatime 0 1\n",
    );
    File::create(tree.join("usr/bin/true"))
        .unwrap()
        .write_all(&elf_header(183))
        .unwrap();
}

/// The first bytes of a 64-bit little-endian program for `machine`.
pub(crate) fn elf_header(machine: u8) -> Vec<u8> {
    let mut header = vec![0; 64];
    header[..6].copy_from_slice(b"\x7fELF\x02\x01");
    header[18] = machine;
    header
}

/// An error with all its causes, one a line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join("\n  because ")
}

pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) {
    File::create(path)
        .unwrap()
        .write_all(text.as_ref())
        .unwrap();
}

/// An overlay of these entries.
pub(crate) fn overlay<'a>(entries: impl IntoIterator<Item = (&'a str, Entry)>) -> Overlay {
    let mut overlay = Overlay::new();
    for (path, entry) in entries {
        overlay
            .insert(EntryPath::new(path).unwrap(), entry)
            .unwrap();
    }
    overlay
}

/// A command that is also found where administrators' tools are.
pub(crate) fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .env("LC_ALL", "C");
    command
}

/// Runs `command`, which must succeed; returns its standard output.
pub(crate) fn run(command: &mut Command) -> String {
    finish(&command.stdin(Stdio::null()).output().unwrap(), command)
}

pub(crate) fn feed(command: &mut Command, input: &[u8]) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    finish(&child.wait_with_output().unwrap(), command)
}

fn finish(output: &Output, command: &Command) -> String {
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The FAT partition as mtools name it.
pub(crate) fn at_boot(image: &Path) -> String {
    format!("{}@@{}", image.display(), BOOT.0 * 512)
}

/// The root partition as e2fsprogs names it.
pub(crate) fn at_root(image: &Path) -> String {
    format!("{}?offset={}", image.display(), ROOT.0 * 512)
}

/// What one `debugfs` command says about an image.
pub(crate) fn debugfs(image: &Path, command: &str) -> String {
    run(tool("debugfs").args(["-R", command]).arg(at_root(image)))
}

/// Has `debugfs` do these commands, one a line, as somebody who knows nothing of this crate would.
pub(crate) fn tamper(image: &Path, commands: &str) {
    let script = tempfile::NamedTempFile::new().unwrap();
    write(script.path(), commands);
    run(tool("debugfs")
        .args(["-w", "-f"])
        .arg(script.path())
        .arg(at_root(image)));
}

/// Sets a field of the superblock of the base, with its checksum.
pub(crate) fn superblock(bench: &Bench, field: &str, value: &str) {
    tamper(&bench.base(), &format!("set_super_value {field} {value}\n"));
}

/// Wants everything to end.
pub(crate) struct Impatient {
    left: u64,
    unit: Unit,
}

enum Unit {
    Words,
    Bytes,
}

impl Impatient {
    /// When it has been told of progress this often.
    pub(crate) fn after_words(left: u64) -> Self {
        let unit = Unit::Words;
        Self { left, unit }
    }

    /// When so many bytes are done.
    pub(crate) fn after_bytes(left: u64) -> Self {
        let unit = Unit::Bytes;
        Self { left, unit }
    }
}

impl Progress for Impatient {
    fn begin(&mut self, _step: &str, _total: Option<u64>) {}
    fn advance(&mut self, amount: u64) {
        self.left = self.left.saturating_sub(match self.unit {
            Unit::Words => 1,
            Unit::Bytes => amount,
        });
    }
    fn detail(&mut self, _text: &str) {}
    fn end(&mut self, _summary: &str) {}
    fn warn(&mut self, _text: &str) {}
    fn cancelled(&self) -> bool {
        self.left == 0
    }
}

/// Fails unless others find nothing to complain about in `image`.
pub(crate) fn assert_sound(image: &Path) {
    run(tool("e2fsck").arg("-fn").arg(at_root(image)));
    let boot = tempfile::NamedTempFile::new().unwrap();
    run(tool("dd")
        .arg(format!("if={}", image.display()))
        .arg(format!("of={}", boot.path().display()))
        .args(["bs=512", "conv=sparse", "status=none"])
        .arg(format!("skip={}", BOOT.0))
        .arg(format!("count={}", BOOT.1)));
    run(tool("fsck.vfat").arg("-n").arg(boot.path()));
    run(tool("sfdisk").arg("--verify").arg(image));
}
