//! `provision boot`, with a stand-in for QEMU: real boots take minutes, and `ci/card` has them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::card::{baked, cached, json};
use crate::support::{Ended, Sandbox, tool};

/// Takes down how it was called and what the monitor was told, and runs until told to end.
const STAND_IN: &str = "#!/bin/sh
printf '%s\\n' \"$@\" >arguments
for word; do case $word in file=*) f=${word#file=}; stat -c '%s %a' \"${f%%,*}\" >card;; esac; done
for word; do case $word in file:*) echo 'unable to say hello' >\"${word#file:}\";; esac; done
[ ! -e powered-off ] || exit 0
[ ! -e broken ] || { echo 'qemu: no such machine' >&2; exit 1; }
while read -r line; do echo \"$line\" >>monitor; [ \"$line\" != quit ] || exit 0; done
";

/// A baked card with a kernel, and the stand-in on the path.
fn bootable() -> Sandbox {
    let sandbox = baked();
    fs::create_dir(sandbox.path("bin")).unwrap();
    sandbox.write("bin/qemu-system-aarch64", STAND_IN);
    let program = sandbox.path("bin/qemu-system-aarch64");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    tool(
        &sandbox,
        "printf 'arm_64bit=1\\nkernel=vmlinuz\\ninitramfs initrd.img\\n' >config.txt
         printf 'console=tty1 root=LABEL=rootfs\\n' >cmdline.txt
         { head -c 56 /dev/zero; printf 'ARM\\144'; head -c 4096 /dev/zero; } >vmlinuz
         echo initrd >initrd.img; echo tree >bcm2837-rpi-3-b.dtb
         mcopy -i pi.img@@4M config.txt cmdline.txt vmlinuz initrd.img bcm2837-rpi-3-b.dtb ::/",
    )
    .success();
    sandbox
}

fn boot(sandbox: &Sandbox, args: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
    command.arg("boot").args(args);
    sandbox.prepare(&mut command);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", sandbox.path("bin").display()));
    sandbox.run_as_is(&mut command, "")
}

#[test]
fn a_copy_boots_with_what_the_firmware_would_load_and_the_image_stays_as_it_is() {
    let sandbox = bootable();
    sandbox.write("powered-off", "");
    let before = fs::read(sandbox.path("pi.img")).unwrap();
    let ended = boot(
        &sandbox,
        &[
            "pi.img",
            "--port-ssh",
            "2222",
            "--port-mqtt",
            "8883",
            "--forward",
            "1883:1883",
            "--memory",
            "512M",
            "--console",
            "console.log",
        ],
    )
    .success();
    let arguments = sandbox
        .read("arguments")
        .replace(&sandbox.path("").display().to_string(), "[HERE]/");
    let fold = |text: &str| {
        let words = text.split('\n').map(|word| {
            let is_scratch = word.starts_with("file=");
            let name = word.rsplit('/').next().unwrap_or(word);
            match word {
                _ if is_scratch => "file=[COPY],format=raw,if=sd,cache=unsafe".to_owned(),
                _ if word.starts_with("/tmp/boot-") || word.contains("/boot-") => {
                    format!("[BOOT]/{name}")
                }
                _ => word.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(fold(&arguments), @r"
    -M
    raspi3b
    -smp
    4
    -m
    512
    -display
    none
    -monitor
    stdio
    -kernel
    [BOOT]/kernel
    -initrd
    [BOOT]/initrd
    -dtb
    [BOOT]/device-tree
    -append
    console=tty1 root=LABEL=rootfs console=ttyAMA0,115200
    -drive
    file=[COPY],format=raw,if=sd,cache=unsafe
    -device
    usb-net,netdev=n0,id=adapter,port=1
    -netdev
    user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=tcp:127.0.0.1:8883-:8883,hostfwd=tcp:127.0.0.1:1883-:1883
    -serial
    file:console.log
    -serial
    null
    ");
    // Two GiB, since the emulated slot takes powers of two; and nobody else's to read.
    assert_eq!(sandbox.read("card"), "2147483648 600\n");
    assert!(before == fs::read(sandbox.path("pi.img")).unwrap());
    assert_eq!(cached(&sandbox), [""; 0]);
    assert!(
        ended.stderr.contains("-p 2222 pi@127.0.0.1"),
        "{}",
        ended.shown()
    );
    assert!(
        ended.stderr.contains("-h 127.0.0.1 -p 8883 -u owner"),
        "{}",
        ended.shown()
    );
    assert_eq!(sandbox.read("console.log"), "unable to say hello\n");
}

#[test]
fn a_card_with_an_address_and_a_port_of_its_own_is_reached_there() {
    let sandbox = bootable();
    sandbox.write("powered-off", "");
    sandbox.write("ssh.conf", "Port 2022\n");
    let lay = |profile: &str| {
        sandbox.write("profile", profile);
        sandbox.write(
            "requests",
            "rm /etc/ssh/sshd_config.d/00-own.conf\nrm /etc/NetworkManager/system-connections/own.nmconnection\n\
             write ssh.conf /etc/ssh/sshd_config.d/00-own.conf\n\
             write profile /etc/NetworkManager/system-connections/own.nmconnection\n\
             rm /etc/NetworkManager/system-connections/wired.nmconnection\n",
        );
        let root = "$(sfdisk --dump pi.img | sed -n 's/^pi.img2 : start= *\\([0-9]*\\),.*/\\1/p')";
        let script = format!("debugfs -w -f requests \"pi.img?offset=$((512 * {root}))\"");
        tool(&sandbox, &script).success();
    };
    let ways = ["pi.img", "--port-ssh", "2222", "--port-mqtt", "8883"];
    lay("[connection]\nid=own\ntype=ethernet\n[ipv4]\nmethod=manual\naddress1=192.168.1.20/24\n");
    let ended = boot(&sandbox, &ways).success();
    assert!(
        ended.stderr.contains(" -p 2222 pi@127.0.0.1"),
        "{}",
        ended.stderr
    );
    let arguments = sandbox.read("arguments");
    let network = arguments
        .lines()
        .find(|line| line.starts_with("user,"))
        .unwrap();
    assert_eq!(
        network,
        "user,id=n0,restrict=on,net=192.168.1.0/24,host=192.168.1.1,dns=192.168.1.2,dhcpstart=192.168.1.3,\
         hostfwd=tcp:127.0.0.1:2222-192.168.1.20:2022,hostfwd=tcp:127.0.0.1:8883-192.168.1.20:8883"
    );
    lay("[connection]\nid=own\ntype=ethernet\n[ipv4]\nmethod=manual\naddress1=192.168.1.2/31\n");
    insta::assert_snapshot!(boot(&sandbox, &ways).shown(), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: the card's cable has the address "192.168.1.2/31", for which no network can be made up
      hint: use an IPv4 address with a prefix of /8 to /29, or DHCP, and try that
    "#);
}

#[test]
fn a_check_that_nobody_answers_ends_with_3_and_switches_the_machine_off() {
    let sandbox = bootable();
    let ended = boot(
        &sandbox,
        &[
            "pi.img",
            "--check",
            "--timeout",
            "1",
            "--json",
            "--keep",
            "kept.img",
        ],
    );
    assert_eq!(ended.code, 3, "{}", ended.shown());
    let told = json(&ended);
    assert_eq!(told["works"], false);
    assert!(
        told["broker"]["error"]
            .as_str()
            .unwrap()
            .contains("connecting to 127.0.0.1")
    );
    assert!(
        ended.stderr.contains("  unable to say hello"),
        "{}",
        ended.shown()
    );
    assert_eq!(sandbox.read("monitor"), "quit\n");
    assert_eq!(
        fs::metadata(sandbox.path("kept.img")).unwrap().len(),
        2 << 30
    );
    sandbox.provision(&["inspect", "kept.img"]).success();
}

#[test]
fn what_can_not_boot_is_said_before_anything_starts() {
    let sandbox = bootable();
    let mut shown = Vec::new();
    let mut tell = |ended: Ended| shown.push(ended.shown());
    tell(boot(&sandbox, &["pi.img", "--memory", "4G"]));
    tell(boot(&sandbox, &["base.img"]));
    tell(boot(&sandbox, &["pi.img", "--check", "--site", "absent"]));
    fs::remove_file(sandbox.path("bin/qemu-system-aarch64")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
    command.args(["boot", "pi.img", "-q"]);
    sandbox.prepare(&mut command);
    tell(sandbox.run_as_is(command.env("PATH", sandbox.path("bin")), ""));
    insta::assert_snapshot!(shown.join("\n"), @r"
    exit: 2
    --- stdout
    --- stderr
    error: --memory 4.0 GiB: the boards have 128 MiB to 1 GiB

    exit: 2
    --- stdout
    --- stderr
    error: the FAT partition has no config.txt, which a boot needs

    exit: 2
    --- stdout
    --- stderr
    error: --check needs the site that the card was made with, and absent is none
      hint: name it: --site DIR

    exit: 1
    --- stdout
    --- stderr
    error: qemu-system-aarch64 is not installed
      hint: install it: `apt-get install qemu-system-arm` on Debian and Ubuntu
    ");
    assert_eq!(cached(&sandbox), [""; 0]);
}

#[test]
fn why_the_machine_ended_is_said() {
    let sandbox = bootable();
    sandbox.write("broken", "");
    let ended = boot(&sandbox, &["pi.img"]);
    assert_eq!(ended.code, 1, "{}", ended.shown());
    assert!(
        ended
            .stderr
            .contains("QEMU failed (exit status: 1): qemu: no such machine"),
        "{}",
        ended.shown()
    );
}

#[test]
fn raspberry_pi_os_is_refused_with_a_way_out() {
    let sandbox = bootable();
    tool(&sandbox, "echo x >x; printf 'mkdir /usr/bin\\nwrite x /usr/bin/rpi-preseed\\n' >c; debugfs -w -f c 'pi.img?offset=41943040'").success();
    let ended = boot(&sandbox, &["pi.img"]);
    assert_eq!(ended.code, 2, "{}", ended.shown());
    assert!(ended.stderr.contains("--base debian"), "{}", ended.shown());
}
