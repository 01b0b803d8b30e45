//! Computers with disks of all kinds, as folders: `/sys`, `/proc`, `/dev` and udev's notes, laid out as Linux does.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A computer without a disk at first.
pub(crate) struct Tree {
    folder: TempDir,
    mounts: String,
    swaps: String,
}

const USB: &str = "pci0000:00/0000:00:14.0/usb1/1-2";

impl Tree {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "sys/class/block",
            "proc/self",
            "dev/mapper",
            "run/udev/data",
        ] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let mut tree = Self {
            folder,
            mounts: "22 1 0:21 / /proc rw - proc proc rw\n".to_owned(),
            swaps: "Filename\tType\tSize\tUsed\tPriority\n".to_owned(),
        };
        tree.write_lists();
        tree
    }

    /// The computer that most tests look at: its system on a fixed disk, a stick with a Pi's card on it, a card reader
    /// without a card, an eMMC, a virtual disk, and devices that are no disks.
    pub(crate) fn usual() -> Self {
        let mut tree = Self::new();
        tree.nvme();
        tree.mount("259:1", "/boot/efi", "/dev/nvme0n1p1");
        tree.mount("259:2", "/", "/dev/nvme0n1p2");
        tree.stick("sdb", "8:16", 62_333_952);
        tree.empty_reader();
        tree.emmc();
        tree.virtual_disk();
        for (name, number) in [("loop0", "7:0"), ("zram0", "253:0")] {
            tree.node(
                &format!("virtual/block/{name}"),
                number,
                &[("size", "2048")],
            );
        }
        tree
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A fixed disk with two partitions.
    pub(crate) fn nvme(&mut self) {
        let at = "pci0000:00/0000:00:1d.0/0000:02:00.0/nvme/nvme0/nvme0n1";
        self.node(at, "259:0", &[("size", "1000215216"), ("removable", "0")]);
        self.file(&format!("{at}/device/model"), "Samsung SSD 980 512GB\n");
        self.file(&format!("{at}/device/serial"), "S64DNX0R\n");
        self.file(&format!("{at}/device/vendor"), "0x144d\n");
        self.part(at, "nvme0n1p1", "259:1", 1_048_576);
        self.part(at, "nvme0n1p2", "259:2", 999_000_000);
    }

    /// A USB stick of `sectors` with a card's partitions, labeled.
    pub(crate) fn stick(&mut self, name: &str, number: &str, sectors: u64) {
        let at = self.usb_disk(name, number, sectors);
        let minor: u32 = number.split_once(':').unwrap().1.parse().unwrap();
        let (one, two) = (format!("8:{}", minor + 1), format!("8:{}", minor + 2));
        self.part(&at, &format!("{name}1"), &one, 1_048_576);
        self.part(
            &at,
            &format!("{name}2"),
            &two,
            sectors.saturating_sub(1_064_960),
        );
        self.file(&format!("{at}/device/vendor"), "SanDisk \n");
        self.file(&format!("{at}/device/model"), "Ultra           \n");
        self.udev(&one, "E:ID_FS_LABEL=bootfs\nE:ID_FS_TYPE=vfat\n");
        self.udev(&two, "E:ID_FS_LABEL=rootfs\nE:ID_FS_TYPE=ext4\n");
    }

    /// The bare disk of a USB device, which says that it is removable and has a serial number.
    pub(crate) fn usb_disk(&mut self, name: &str, number: &str, sectors: u64) -> String {
        let usb = format!("{USB}.{name}");
        self.file(&format!("{usb}/idVendor"), "0781\n");
        self.file(&format!("{usb}/serial"), &format!("4C53-{name}\n"));
        let at = format!("{usb}/1-2:1.0/host6/target6:0:0/6:0:0:0/block/{name}");
        let size = sectors.to_string();
        self.node(
            &at,
            number,
            &[("size", &size), ("removable", "1"), ("diskseq", "9")],
        );
        self.file(&format!("{at}/device/type"), "0\n");
        at
    }

    fn empty_reader(&mut self) {
        let at = self.usb_disk("sdc", "8:32", 0);
        self.file(&format!("{at}/device/vendor"), "Generic\n");
        self.file(&format!("{at}/device/model"), "STORAGE DEVICE\n");
    }

    /// An SD card in a slot of the computer's own, which calls itself not removable, as they do.
    pub(crate) fn sd_card(&mut self, read_only: bool) {
        let at = "platform/mmc1/mmc_host/mmc1/mmc1:aaaa/block/mmcblk1";
        let ro = if read_only { "1" } else { "0" };
        self.node(
            at,
            "179:96",
            &[("size", "31116288"), ("removable", "0"), ("ro", ro)],
        );
        self.file(&format!("{at}/device/type"), "SD\n");
        self.file(&format!("{at}/device/name"), "SC16G\n");
        self.file(&format!("{at}/device/cid"), "035344534331364780\n");
        self.part(at, "mmcblk1p1", "179:97", 1_048_576);
    }

    fn emmc(&mut self) {
        let host = "platform/mmc0/mmc_host/mmc0/mmc0:0001/block";
        let at = format!("{host}/mmcblk0");
        self.node(&at, "179:0", &[("size", "30535680"), ("removable", "0")]);
        self.file(&format!("{at}/device/type"), "MMC\n");
        self.file(&format!("{at}/device/name"), "DA4064\n");
        let boot = format!("{at}/mmcblk0boot0");
        self.node(&boot, "179:32", &[("size", "8192"), ("ro", "1")]);
    }

    fn virtual_disk(&mut self) {
        let at = "pci0000:00/0000:00:05.0/virtio2/block/vdb";
        self.node(at, "254:16", &[("size", "41943040"), ("removable", "0")]);
        self.file(&format!("{at}/device/device"), "0x0002\n");
    }

    /// Something on top of `below`: device mapper or RAID.
    pub(crate) fn on_top(&mut self, name: &str, number: &str, below: &str) {
        let at = format!("virtual/block/{name}");
        if !self.devices().join(&at).exists() {
            self.node(&at, number, &[("size", "1000")]);
        }
        let holders = fs::canonicalize(self.path().join("sys/class/block").join(below)).unwrap();
        put(&holders.join("holders").join(name), "");
    }

    /// A partition of the disk at `disk`.
    pub(crate) fn part(&mut self, disk: &str, name: &str, number: &str, sectors: u64) {
        let last = name.chars().last().unwrap().to_string();
        let size = sectors.to_string();
        self.node(
            &format!("{disk}/{name}"),
            number,
            &[("size", &size), ("partition", &last)],
        );
    }

    /// A block device at this place below `/sys/devices`, with a file in `/dev` in its place.
    pub(crate) fn node(&mut self, at: &str, number: &str, files: &[(&str, &str)]) {
        let folder = self.devices().join(at);
        fs::create_dir_all(folder.join("holders")).unwrap();
        put(&folder.join("dev"), &format!("{number}\n"));
        for (name, text) in files {
            put(&folder.join(name), &format!("{text}\n"));
        }
        let name = folder.file_name().unwrap();
        let class = self.path().join("sys/class/block").join(name);
        symlink(format!("../../devices/{at}"), class).unwrap();
        put(&self.path().join("dev").join(name), "");
    }

    /// Something is mounted; `number` is the kernel's.
    pub(crate) fn mount(&mut self, number: &str, point: &str, source: &str) {
        let line = format!("30 1 {number} / {point} rw shared:1 - ext4 {source} rw\n");
        self.mounts.push_str(&line);
        self.write_lists();
    }

    pub(crate) fn swap(&mut self, path: &str) {
        self.swaps += path;
        self.swaps += "\tpartition\t1\t0\t-2\n";
        self.write_lists();
    }

    /// A link in `/dev`.
    pub(crate) fn link(&self, from: &str, to: &str) {
        symlink(to, self.path().join("dev").join(from)).unwrap();
    }

    /// `disks` make one btrfs together.
    pub(crate) fn btrfs(&self, disks: &[&str]) {
        for disk in disks {
            let name = format!("sys/fs/btrfs/6f1a/devices/{disk}");
            put(&self.path().join(name), "");
        }
    }

    fn udev(&self, number: &str, text: &str) {
        put(&self.path().join(format!("run/udev/data/b{number}")), text);
    }

    /// A file below `/sys/devices`.
    pub(crate) fn file(&self, name: &str, text: &str) {
        put(&self.devices().join(name), text);
    }

    fn devices(&self) -> PathBuf {
        self.path().join("sys/devices")
    }

    fn write_lists(&mut self) {
        put(&self.path().join("proc/self/mountinfo"), &self.mounts);
        put(&self.path().join("proc/swaps"), &self.swaps);
    }
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}
