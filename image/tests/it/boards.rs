//! Device trees compiled by `dtc`, walked for drivers.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use image::boards::{DeviceTree, Driver, Drivers, missing_drivers};

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
    DeviceTree::parse(&output.stdout).unwrap()
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
