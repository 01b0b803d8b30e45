//! What differs between the processor architectures that a base can be built for.

use crate::Architecture;
use crate::boards::Board;

/// An architecture that Raspberry Pis have: a row of the table at the end of this file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) architecture: Architecture,
    /// Debian's package that depends on the newest kernel.
    pub(super) kernel: &'static str,
    /// `e_machine` of its programs' ELF headers, as two hexadecimal bytes in their order.
    pub(super) elf_machine: &'static str,
    /// What Rust calls it.
    pub(super) rust_name: &'static str,
    /// The boards that a base must boot on.
    pub(super) boards: &'static [Board],
    /// What the initrd must hold to find the root file system on all of them.
    pub(super) initrd_modules: &'static [&'static str],
}

impl Port {
    pub(super) fn of(architecture: Architecture) -> Option<&'static Self> {
        match architecture {
            Architecture::Arm64 => Some(&ARM64),
            Architecture::Armhf => Some(&ARMHF),
            Architecture::Amd64 => None,
        }
    }

    /// Whether its programs run on this computer without an emulator.
    pub(super) fn is_host(&self) -> bool {
        std::env::consts::ARCH == self.rust_name
    }
}

const PI_3: Board = board("Raspberry Pi 3 Model B", "bcm2837-rpi-3-b.dtb");
const PI_3_PLUS: Board = board("Raspberry Pi 3 Model B+", "bcm2837-rpi-3-b-plus.dtb");

static ARM64: Port = Port {
    architecture: Architecture::Arm64,
    kernel: "linux-image-arm64",
    elf_machine: "b700",
    rust_name: "aarch64",
    boards: &[
        PI_3,
        PI_3_PLUS,
        board("Raspberry Pi Zero 2 W", "bcm2837-rpi-zero-2-w.dtb"),
        board("Raspberry Pi 4 Model B", "bcm2711-rpi-4-b.dtb"),
    ],
    initrd_modules: INITRD_MODULES,
};

static ARMHF: Port = Port {
    architecture: Architecture::Armhf,
    kernel: "linux-image-armmp",
    elf_machine: "2800",
    rust_name: "arm",
    boards: &[
        board("Raspberry Pi 2 Model B", "bcm2836-rpi-2-b.dtb"),
        PI_3,
        PI_3_PLUS,
    ],
    initrd_modules: INITRD_MODULES,
};

/// Short, since each takes its time at every update of the kernel; [`crate::boards`] proves that it is
/// long enough.
const INITRD_MODULES: &[&str] = &[
    // The SD card's controllers: of the Pi 2, 3 and Zero 2 W, and of the Pi 4.
    "bcm2835",
    "sdhci-iproc",
    "mmc_block",
    // What the Pi 4's SD slot takes its 3.3 V and its 1.8/3.3 V signaling from.
    "fixed",
    "gpio-regulator",
    "ext4",
    // For booting the same card in a virtual machine.
    "virtio_blk",
    "virtio_mmio",
    "virtio_pci",
];

const fn board(name: &'static str, device_tree: &'static str) -> Board {
    Board { name, device_tree }
}
