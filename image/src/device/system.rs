//! The disks of a computer, from `/sys`, `/proc` and what udev has written down; nothing is opened or asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::disk::{Bus, Disk, Part};
use super::guard::Refusal;
use super::mounts::{Number, parse_mountinfo, parse_swaps};
use super::sysfs::{backing, bus, bytes, emmc_area_of, model, names, printable, text};

/// What a path that somebody has named is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A whole disk.
    Disk(Box<Disk>),
    /// A part of a disk: a partition, or the boot area of an eMMC.
    PartOf {
        /// The path of the disk.
        disk: PathBuf,
    },
    /// A regular file.
    File,
    /// There is nothing.
    Missing,
    /// A folder, a terminal, something else.
    Other,
}

/// The disks of a computer and what uses them, at one moment.
#[derive(Debug)]
pub struct System {
    root: PathBuf,
    nodes: BTreeMap<String, Node>,
}

/// A block device: a disk, a partition, or something on top of them.
#[derive(Debug)]
struct Node {
    number: Number,
    /// Its folder in `/sys/devices`.
    folder: PathBuf,
    /// The disk that it is a part of.
    part_of: Option<String>,
    holders: Vec<String>,
    /// The file that it shows as a disk.
    backing: Option<PathBuf>,
    mounts: BTreeSet<String>,
    swap: bool,
}

impl System {
    /// Reads the lists below `root`; `/` for this computer.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut system = Self {
            root: root.to_owned(),
            nodes: BTreeMap::new(),
        };
        for name in names(&root.join("sys/class/block"))? {
            if let Some(node) = system.node(&name) {
                system.nodes.insert(name, node);
            }
        }
        system.add_loops();
        system.add_uses()?;
        Ok(system)
    }

    /// The disks that are hardware, sorted by name. Optical drives are none.
    pub fn disks(&self) -> Vec<Disk> {
        let whole = self.nodes.iter().filter(|(_, node)| {
            let optical = text(&node.folder.join("device/type")).as_deref() == Some("5");
            let hidden = text(&node.folder.join("hidden")).as_deref() == Some("1");
            node.part_of.is_none() && node.folder.join("device").exists() && !optical && !hidden
        });
        whole.map(|(name, node)| self.disk(name, node)).collect()
    }

    /// What `path` is.
    pub fn named(&self, path: &Path) -> Named {
        let real = self.real(path);
        let Ok(about) = fs::metadata(&real) else {
            return Named::Missing;
        };
        let found = if about.file_type().is_block_device() {
            self.by_number(Number::of(about.rdev()))
        } else if about.is_file() && real != path {
            // A tree of a test: its devices are files.
            self.by_path(&real)
        } else if about.is_file() {
            return Named::File;
        } else {
            None
        };
        match found {
            Some((_, Node { part_of, .. })) if part_of.is_some() => Named::PartOf {
                disk: Path::new("/dev").join(part_of.as_deref().unwrap_or_default()),
            },
            Some((name, node)) => Named::Disk(Box::new(self.disk(name, node))),
            None => Named::Other,
        }
    }

    /// The names of the disks that the file system with `file` on it lies on.
    pub fn disks_below(&self, file: &Path) -> io::Result<Vec<String>> {
        let device = Number::of(fs::metadata(file)?.dev());
        let mut below = Vec::new();
        for (name, _) in self.nodes.iter().filter(|(_, n)| n.part_of.is_none()) {
            let family = self.family(name);
            let is_there = |member: &&String| {
                self.nodes
                    .get(*member)
                    .is_some_and(|node| node.number == device || self.made_up(device, &node.mounts))
            };
            if family.iter().any(|member| is_there(&member)) {
                below.push(name.clone());
            }
        }
        Ok(below)
    }

    /// Whether `device` is a number that a file system mounted at one of `points` has made up.
    fn made_up(&self, device: Number, points: &BTreeSet<String>) -> bool {
        device.major == 0
            && points.iter().any(|point| {
                let point = self.below_root(Path::new(point));
                fs::metadata(point).is_ok_and(|about| Number::of(about.dev()) == device)
            })
    }

    fn node(&self, name: &str) -> Option<Node> {
        let folder = fs::canonicalize(self.root.join("sys/class/block").join(name)).ok()?;
        let number = Number::parse(&text(&folder.join("dev"))?)?;
        let parent = || {
            let parent = folder.parent()?.file_name()?;
            Some(parent.to_string_lossy().into_owned())
        };
        let part_of = if folder.join("partition").exists() {
            parent()
        } else {
            emmc_area_of(name)
        };
        let holders = names(&folder.join("holders")).unwrap_or_default();
        let backing = backing(&folder);
        Some(Node {
            number,
            folder,
            part_of,
            holders,
            backing,
            mounts: BTreeSet::new(),
            swap: false,
        })
    }

    /// Notes loop devices that show another device: the kernel doesn't count them among what lies on top of it.
    fn add_loops(&mut self) {
        let over = |node: &Node| {
            let below = self.by_path(&self.real(node.backing.as_deref()?))?;
            Some(below.0.clone())
        };
        let loops = self.nodes.iter();
        let loops = loops.filter_map(|(name, node)| Some((name.clone(), over(node)?)));
        for (name, below) in loops.collect::<Vec<_>>() {
            if let Some(node) = self.nodes.get_mut(&below) {
                node.holders.push(name);
            }
        }
    }

    /// Why the regular file at `path` must not be written: a loop device shows it as a disk, and what is mounted
    /// there would change under the feet of the kernel.
    pub fn refusal_of_file(&self, path: &Path) -> Option<Refusal> {
        let about = fs::metadata(path).ok()?;
        let is_it = |backing: &PathBuf| {
            fs::metadata(self.real(backing))
                .is_ok_and(|other| (other.dev(), other.ino()) == (about.dev(), about.ino()))
        };
        let loops = self.nodes.iter();
        let loops = loops.filter(|(_, node)| node.backing.as_ref().is_some_and(is_it));
        let family: BTreeSet<_> = loops.flat_map(|(name, _)| self.family(name)).collect();
        let holders: Vec<_> = family
            .iter()
            .filter_map(|name| Some((name, self.nodes.get(name)?)))
            // A partition that nothing is mounted from says nothing more.
            .filter(|(_, node)| node.part_of.is_none() || !node.mounts.is_empty())
            .map(|(name, node)| {
                let points: Vec<_> = node.mounts.iter().cloned().collect();
                if points.is_empty() {
                    name.clone()
                } else {
                    format!("{name} (mounted at {})", points.join(", "))
                }
            })
            .collect();
        let disk = path.display().to_string();
        (!holders.is_empty()).then_some(Refusal::Held { disk, holders })
    }

    /// Notes what is mounted and swapped to with the devices that it is on.
    fn add_uses(&mut self) -> io::Result<()> {
        let groups = self.btrfs_groups();
        let mounts = fs::read_to_string(self.root.join("proc/self/mountinfo"))?;
        for mount in parse_mountinfo(&mounts) {
            // A file system of several devices has a number of its own, but names one of them.
            let by_number = self.by_number(mount.number);
            let found = by_number.or_else(|| self.by_path(&self.real(Path::new(&mount.source))));
            let Some(name) = found.map(|(name, _)| name.clone()) else {
                continue;
            };
            let alone = BTreeSet::from([name.clone()]);
            let together = groups.iter().find(|group| group.contains(&name));
            for member in together.unwrap_or(&alone) {
                if let Some(node) = self.nodes.get_mut(member) {
                    node.mounts.insert(mount.point.clone());
                }
            }
        }
        let swaps = fs::read_to_string(self.root.join("proc/swaps")).unwrap_or_default();
        for path in parse_swaps(&swaps) {
            let found = self.by_path(&self.real(&path));
            let name = found.map(|(name, _)| name.clone());
            if let Some(node) = name.and_then(|name| self.nodes.get_mut(&name)) {
                node.swap = true;
            }
        }
        Ok(())
    }

    /// The devices that belong to one btrfs.
    fn btrfs_groups(&self) -> Vec<BTreeSet<String>> {
        let folder = self.root.join("sys/fs/btrfs");
        let devices = |id: String| names(&folder.join(id).join("devices")).unwrap_or_default();
        let ids = names(&folder).unwrap_or_default();
        ids.into_iter()
            .map(|id| devices(id).into_iter().collect())
            .collect()
    }

    fn by_number(&self, number: Number) -> Option<(&String, &Node)> {
        self.nodes.iter().find(|(_, node)| node.number == number)
    }

    /// The device that a path below `/dev` leads to.
    fn by_path(&self, real: &Path) -> Option<(&String, &Node)> {
        let device = real.starts_with(self.root.join("dev"));
        let end = fs::canonicalize(real).unwrap_or_else(|_| real.to_owned());
        let name = end.file_name().filter(|_| device)?.to_string_lossy();
        self.nodes.get_key_value(name.as_ref())
    }

    /// Where a path below `/dev` is; others are taken as they are.
    fn real(&self, path: &Path) -> PathBuf {
        if path.starts_with("/dev") {
            self.below_root(path)
        } else {
            path.to_owned()
        }
    }

    fn below_root(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// `disk`, its partitions, and all that lies on top of any of them.
    fn family(&self, disk: &str) -> BTreeSet<String> {
        let mut waiting = vec![disk.to_owned()];
        let mut family = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if !family.insert(name.clone()) {
                continue;
            }
            // Disks that lie on top can have partitions too.
            waiting.extend(self.parts_of(&name).map(|(part, _)| part.clone()));
            let node = self.nodes.get(&name);
            waiting.extend(
                node.into_iter()
                    .flat_map(|node| node.holders.iter().cloned()),
            );
        }
        family
    }

    fn parts_of(&self, disk: &str) -> impl Iterator<Item = (&String, &Node)> {
        self.nodes
            .iter()
            .filter(move |(_, node)| is_part(node, disk))
    }

    fn disk(&self, name: &str, node: &Node) -> Disk {
        let family = self.family(name);
        let members = || {
            family
                .iter()
                .filter_map(|name| Some((name, self.nodes.get(name)?)))
        };
        let at = |file: &str| text(&node.folder.join(file));
        let bus = bus(name, &node.folder);
        let mounts: BTreeSet<_> = members().flat_map(|(_, member)| &member.mounts).collect();
        Disk {
            name: name.to_owned(),
            path: Path::new("/dev").join(name),
            model: model(&node.folder),
            serial: self.serial(node),
            bus,
            size: bytes(&node.folder),
            removable: at("removable").as_deref() == Some("1") || matches!(bus, Bus::Usb | Bus::Sd),
            read_only: at("ro").as_deref() == Some("1"),
            parts: self.parts(name),
            mounts: mounts.into_iter().cloned().collect(),
            swaps: members()
                .filter(|(_, m)| m.swap)
                .map(|(n, _)| n.clone())
                .collect(),
            holders: members()
                .filter(|(member, node)| *member != name && !is_part(node, name))
                .map(|(name, _)| name.clone())
                .collect(),
            number: node.number,
            sequence: at("diskseq").and_then(|text| text.parse().ok()),
            sector: at("queue/logical_block_size")
                .and_then(|text| text.parse().ok())
                .unwrap_or(512),
            node: self.root.join("dev").join(name),
        }
    }

    fn parts(&self, disk: &str) -> Vec<Part> {
        let parts = self
            .parts_of(disk)
            .filter(|(_, node)| node.folder.join("partition").exists());
        let mut parts: Vec<_> = parts
            .map(|(name, node)| {
                let number = text(&node.folder.join("partition"));
                let number = number.and_then(|text| text.parse::<u32>().ok());
                let part = Part {
                    name: name.clone(),
                    size: bytes(&node.folder),
                    label: self.udev(node, "ID_FS_LABEL"),
                    file_system: self.udev(node, "ID_FS_TYPE"),
                };
                (number, part)
            })
            .collect();
        parts.sort_by_key(|(number, _)| *number);
        parts.into_iter().map(|(_, part)| part).collect()
    }

    fn serial(&self, node: &Node) -> Option<String> {
        let here = ["device/cid", "device/serial", "serial"];
        let own = here.iter().find_map(|file| text(&node.folder.join(file)));
        let of_usb = || {
            let mut above = node.folder.ancestors();
            let usb = above.find(|folder| folder.join("idVendor").exists())?;
            text(&usb.join("serial"))
        };
        own.or_else(of_usb)
            .or_else(|| self.udev(node, "ID_SERIAL_SHORT"))
            .or_else(|| text(&node.folder.join("device/wwid")))
    }

    /// What udev has found out about a device when it came.
    fn udev(&self, node: &Node, key: &str) -> Option<String> {
        let Number { major, minor } = node.number;
        let path = self.root.join(format!("run/udev/data/b{major}:{minor}"));
        let all = fs::read_to_string(path).ok()?;
        let start = format!("E:{key}=");
        let value = all.lines().find_map(|line| line.strip_prefix(&start))?;
        printable(value)
    }
}

fn is_part(node: &Node, disk: &str) -> bool {
    node.part_of.as_deref() == Some(disk)
}
