//! Which board QEMU shall be.

/// A board of QEMU's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// The program.
    pub emulator: &'static str,
    /// What it calls the board.
    pub name: &'static str,
    /// What people call it.
    pub model: &'static str,
    /// The file of its device tree on the FAT partition.
    pub device_tree: &'static str,
    /// How long it takes to boot here at most, in seconds: everything is emulated.
    pub patience: u64,
}

/// The Debian package that has both emulators.
pub(super) const PACKAGE: &str = "qemu-system-arm";

const PI_3: Machine = Machine {
    emulator: "qemu-system-aarch64",
    name: "raspi3b",
    model: "Raspberry Pi 3 Model B",
    device_tree: "bcm2837-rpi-3-b.dtb",
    patience: 1200,
};
const PI_2: Machine = Machine {
    emulator: "qemu-system-arm",
    name: "raspi2b",
    model: "Raspberry Pi 2 Model B",
    device_tree: "bcm2836-rpi-2-b.dtb",
    patience: 2400,
};

/// How much of a kernel must be seen to tell.
pub(super) const KERNEL_START: usize = 64;

impl Machine {
    /// The board for a kernel, by the magic number in its header: Linux's `booting.rst` for arm64 has
    /// `ARM\x64` at byte 56, a zImage for 32-bit ARM has 0x016f2818 at byte 36.
    pub fn of_kernel(start: &[u8]) -> Option<&'static Self> {
        if start.get(56..60) == Some(b"ARM\x64") {
            Some(&PI_3)
        } else if start.get(36..40) == Some(&0x016f_2818_u32.to_le_bytes()) {
            Some(&PI_2)
        } else {
            None
        }
    }
}

/// The size of a card that `image` bytes fit on: QEMU's SD controller takes powers of two only.
pub fn card_size(image: u64) -> u64 {
    const SMALLEST: u64 = 2 << 30;
    image.next_power_of_two().max(SMALLEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_chosen_by_the_kernel() {
        let mut kernel = [0; KERNEL_START];
        assert_eq!(Machine::of_kernel(&kernel), None);
        kernel[56..60].copy_from_slice(b"ARM\x64");
        assert_eq!(Machine::of_kernel(&kernel).unwrap().name, "raspi3b");
        let mut kernel = [0; KERNEL_START];
        kernel[36..40].copy_from_slice(&[0x18, 0x28, 0x6f, 0x01]);
        assert_eq!(Machine::of_kernel(&kernel).unwrap().name, "raspi2b");
        assert_eq!(Machine::of_kernel(&kernel[..20]), None);
    }

    #[test]
    fn a_card_is_a_power_of_two() {
        let sizes = [1, 2 << 30, (2 << 30) + 1, 5 << 30].map(card_size);
        assert_eq!(sizes, [2 << 30, 2 << 30, 4 << 30, 8 << 30]);
    }
}
