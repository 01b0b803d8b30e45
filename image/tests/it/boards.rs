//! Device trees compiled by `dtc`, walked for drivers.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use image::Card;
use image::boards::{Board, DeviceTree, Driver, Drivers, missing_drivers, prove};

use crate::support::{Bench, Features, at_boot, chain, run, tool, write};

/// A board in the manner of the Pi 4: a slot that is fed through regulators behind the firmware, and a
/// Wi-Fi chip on a second controller of the same kind.
const SOURCE: &str = r#"
/dts-v1/;
/ {
    #address-cells = <1>;
    #size-cells = <1>;
    compatible = "vendor,board";
    interrupt-parent = <&gic>;

    osc: clock-osc { compatible = "fixed-clock"; #clock-cells = <0>; };
    gic: interrupt-controller { compatible = "arm,gic-400"; #interrupt-cells = <1>; };
    pins: gpio@1 {
        compatible = "vendor,pins";
        reg = <1 1>;
        slot_pins: slot { vendor,pins = <48>; };
    };
    power: firmware {
        compatible = "vendor,firmware", "simple-mfd";
        expander: gpio { compatible = "vendor,expander"; #gpio-cells = <2>; };
    };
    vcc: regulator-vcc { compatible = "regulator-fixed"; gpio = <&expander 6 0>; };
    unused: regulator-unused { compatible = "vendor,unused"; status = "disabled"; };

    soc {
        compatible = "simple-bus";
        #address-cells = <1>;
        #size-cells = <1>;
        clocks: clock@2 { compatible = "vendor,clocks"; reg = <2 1>; #clock-cells = <1>; clocks = <&osc>; };
        mmc@3 {
            compatible = "vendor,slot";
            reg = <3 1>;
            interrupts = <3>;
            clocks = <&clocks 5>, <&osc>;
            pinctrl-0 = <&slot_pins>;
            vmmc-supply = <&vcc>;
            vqmmc-supply = <&unused>;
        };
        mmc@4 { compatible = "vendor,wifi-slot"; reg = <4 1>; non-removable; };
    };
};
"#;

const ALIASES: &str = "alias of:N*T*Cvendor,slot slot_host\nalias of:N*T*Cregulator-fixed fixed\n";
const NEEDS: &str = "kernel/slot-host.ko.xz:\nkernel/fixed.ko.xz:\nkernel/ext4.ko.xz:\n";
const BUILT_IN: &str = "kernel/mmc_block.ko\n";
const KERNEL: &[u8] =
    b"\0fixed-clock\0arm,gic-400\0vendor,pins\0vendor,firmware\0vendor,expander\0vendor,clocks\0";

fn compile(source: &str) -> DeviceTree {
    DeviceTree::parse(&blob(source)).unwrap()
}

fn blob(source: &str) -> Vec<u8> {
    let mut dtc = Command::new("dtc")
        .args(["-q", "-I", "dts", "-O", "dtb"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("dtc is needed: package device-tree-compiler");
    let mut stdin = dtc.stdin.take().unwrap();
    stdin.write_all(source.as_bytes()).unwrap();
    drop(stdin);
    let output = dtc.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn lacking(kernel: &[u8], initrd: &[&str]) -> Vec<String> {
    let initrd: BTreeSet<String> = initrd.iter().map(|&name| name.to_owned()).collect();
    let drivers = Drivers::new(kernel.to_vec(), ALIASES, NEEDS, BUILT_IN, initrd);
    missing_drivers(&compile(SOURCE), &drivers)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_board_whose_devices_are_all_driven_lacks_nothing() {
    assert_eq!(
        lacking(KERNEL, &["slot_host", "fixed", "ext4"]),
        Vec::<String>::new()
    );
}

#[test]
fn modules_of_controller_supply_and_file_system_must_be_in_the_initrd() {
    assert_eq!(
        lacking(KERNEL, &[]),
        [
            "/regulator-vcc (regulator-fixed) lacks fixed in the initrd",
            "/soc/mmc@3 (vendor,slot) lacks slot_host in the initrd",
            "ext4 lacks ext4 in the initrd",
        ]
    );
}

#[test]
fn what_the_supply_itself_hangs_on_is_asked_for_too() {
    let kernel = b"\0fixed-clock\0arm,gic-400\0vendor,clocks\0";

    assert_eq!(
        lacking(kernel, &["slot_host", "fixed", "ext4"]),
        [
            "/gpio@1 (vendor,pins) has no driver in this kernel",
            "/firmware (vendor,firmware, simple-mfd) has no driver in this kernel",
            "/firmware/gpio (vendor,expander) has no driver in this kernel",
        ]
    );
}

#[test]
fn a_board_without_a_slot_is_not_a_board_that_lacks_nothing() {
    let tree =
        compile("/dts-v1/; / { mmc { compatible = \"vendor,wifi-slot\"; non-removable; }; };");
    let initrd = ["ext4".to_owned()].into();
    let drivers = Drivers::new(KERNEL.to_vec(), ALIASES, NEEDS, BUILT_IN, initrd);
    let gaps = missing_drivers(&tree, &drivers);

    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].what, "the SD slot");
    assert_eq!(gaps[0].driver, Driver::Unknown);
}

const BOARD: Board = Board {
    name: "Vendor Board",
    device_tree: "board.dtb",
};

/// An archive as initramfs-tools leaves it at the beginning of an initrd, with these modules.
fn initrd(modules: &[&str]) -> Vec<u8> {
    let names = modules.iter().map(|module| (format!("{module}.ko.xz"), 4));
    let mut archive = Vec::new();
    for (name, size) in names.chain([("TRAILER!!!".to_owned(), 0)]) {
        archive.extend(b"070701");
        // 13 fields; the 7th is the size, the 12th the length of the name.
        for field in 0..13 {
            let value = match field {
                6 => size,
                11 => name.len() + 1,
                _ => 0,
            };
            archive.extend(format!("{value:08X}").bytes());
        }
        archive.extend(name.bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.resize(archive.len() + size, b'x');
    }
    archive
}

/// The kernel as Linux packs it for 32-bit boards, with the command of its `scripts/xz_wrap.sh`.
fn zimage(kernel: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("piggy_data");
    write(&plain, kernel);
    run(tool("xz")
        .args(["--check=crc32", "--arm", "--lzma2=dict=32MiB"])
        .arg(&plain));
    let mut file = vec![0; 0x24];
    file.extend(0x016F_2818_u32.to_le_bytes());
    file.extend(fs::read(folder.path().join("piggy_data.xz")).unwrap());
    file.extend(u32::try_from(kernel.len()).unwrap().to_le_bytes());
    file
}

/// A card with this kernel for the board above.
fn card(kernel: &[u8]) -> Bench {
    let bench = Bench::with(Features::Trixie, |tree| {
        let modules = tree.join("usr/lib/modules/6.12-armmp");
        fs::create_dir_all(&modules).unwrap();
        for (name, text) in [
            ("modules.alias", ALIASES),
            ("modules.dep", NEEDS),
            ("modules.builtin", BUILT_IN),
        ] {
            write(&modules.join(name), text);
        }
    });
    let config = b"kernel=vmlinuz-6.12-armmp\ninitramfs initrd.img-6.12-armmp\n".to_vec();
    for (name, bytes) in [
        ("config.txt", config),
        ("vmlinuz-6.12-armmp", kernel.to_vec()),
        (
            "initrd.img-6.12-armmp",
            initrd(&["slot_host", "fixed", "ext4"]),
        ),
        ("board.dtb", blob(SOURCE)),
    ] {
        write(&bench.path(name), bytes);
        run(tool("mcopy")
            .args(["-o", "-i"])
            .arg(at_boot(&bench.base()))
            .arg(bench.path(name))
            .arg("::/"));
    }
    bench
}

#[test]
fn a_card_is_proved_whether_its_kernel_is_packed_or_not() {
    for kernel in [KERNEL.to_vec(), zimage(KERNEL)] {
        let bench = card(&kernel);
        let card = Card::open(&bench.base()).unwrap();
        prove(&card, &[BOARD]).unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
}

#[test]
fn a_driver_that_a_packed_kernel_lacks_is_missed_and_a_damaged_kernel_is_called_that() {
    let refusal = |kernel: &[u8]| {
        let bench = card(kernel);
        chain(&prove(&Card::open(&bench.base()).unwrap(), &[BOARD]).unwrap_err())
    };
    let without = String::from_utf8_lossy(KERNEL).replace("vendor,expander", "vendor,excluded");
    let whole = zimage(KERNEL);

    assert_eq!(
        refusal(&zimage(without.as_bytes())),
        "Vendor Board would not find its root file system: \
         /firmware/gpio (vendor,expander) has no driver in this kernel"
    );
    let damaged = refusal(&whole[..whole.len() - 20]);
    assert!(
        damaged.starts_with(
            "cannot look into /boot/firmware/vmlinuz-6.12-armmp\n  \
             because it is a zImage, and can't be unpacked\n  because "
        ),
        "{damaged}"
    );
}
