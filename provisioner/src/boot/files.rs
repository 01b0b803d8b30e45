//! What the firmware would load, taken out of the FAT partition.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use image::Card;
use image::bootconfig::last_line;

use super::machine::{KERNEL_START, Machine};
use crate::hint::Fault;

/// Files for QEMU.
#[derive(Debug)]
pub struct BootFiles {
    /// The board that the kernel is for.
    pub machine: &'static Machine,
    /// The kernel.
    pub kernel: PathBuf,
    /// The first root file system, if `config.txt` names one.
    pub initrd: Option<PathBuf>,
    /// The device tree.
    pub device_tree: PathBuf,
    /// The kernel's command line.
    pub cmdline: String,
}

impl BootFiles {
    /// Takes them out of `card` and lays them into `folder`.
    ///
    /// # Errors
    ///
    /// If one is missing, the kernel is for another processor, or it is Raspberry Pi OS', which QEMU's boards
    /// can't run.
    pub fn take(card: &Card, folder: &Path) -> anyhow::Result<Self> {
        let system = card.first_boot().map_err(image::Error::from)?;
        if system.first_boot.is_raspberry_pi_os() {
            let text =
                "this is Raspberry Pi OS, whose kernel says nothing on the boards that QEMU has";
            let hint =
                "try the card on a Pi, or bake the same recipe with --base debian and boot that";
            return Err(Fault::input(text).hint(hint).into());
        }
        let config = read(card, "config.txt")?;
        let config = String::from_utf8_lossy(&config).into_owned();
        let kernel = last_line(&config, "kernel=").ok_or_else(|| {
            Fault::input("config.txt names no kernel (kernel=…), so that QEMU has nothing to start")
        })?;
        let bytes = read(card, kernel)?;
        let start = unpacked_start(&bytes);
        let machine = Machine::of_kernel(&start).ok_or_else(|| {
            Fault::input(format!("{kernel} is no kernel for 64-bit or 32-bit ARM"))
        })?;
        let lay = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
            Ok::<_, anyhow::Error>(path)
        };
        let initrd = match last_line(&config, "initramfs ") {
            Some(line) => {
                let name = line.split_whitespace().next().unwrap_or_default();
                Some(lay("initrd", &read(card, name)?)?)
            }
            None => None,
        };
        let cmdline = String::from_utf8_lossy(&read(card, "cmdline.txt")?)
            .trim()
            .to_owned();
        Ok(Self {
            kernel: lay("kernel", &bytes)?,
            device_tree: lay("device-tree", &read(card, machine.device_tree)?)?,
            machine,
            initrd,
            cmdline,
        })
    }
}

fn read(card: &Card, name: &str) -> anyhow::Result<Vec<u8>> {
    let bytes = card.boot().read(name).map_err(image::Error::from)?;
    bytes.ok_or_else(|| {
        Fault::input(format!(
            "the FAT partition has no {name}, which a boot needs"
        ))
        .into()
    })
}

/// The first bytes of a kernel, unpacked if it is packed with gzip.
fn unpacked_start(kernel: &[u8]) -> Vec<u8> {
    if !kernel.starts_with(b"\x1f\x8b") {
        return kernel[..kernel.len().min(KERNEL_START)].to_vec();
    }
    let mut start = Vec::new();
    let decoder = flate2::read::GzDecoder::new(kernel);
    // A torn one tells nothing, and is then no kernel.
    drop(decoder.take(KERNEL_START as u64).read_to_end(&mut start));
    start
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)
}
