//! Every setting at once, on every kind of base: what the report says was written is what other programs read.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::bench::Bench;
use super::read_by_settings;
use crate::fixtures::{Fixture, Machine, Release};

const EVERYTHING: &str = "system:
  login: {name: maria, sudo: password, password-file: hash}
  ssh: {port: 2222}
  wifi:
    country: GB
    networks:
      - {ssid: Café 2, password-file: secret}
      - {ssid: deep, password-file: secret, security: wpa3, hidden: true}
  network:
    wired: {method: static, addresses: [192.168.1.20/24], gateways: [192.168.1.1], dns: [9.9.9.9]}
  timezone: Europe/Berlin
  keyboard: {layout: de, variant: nodeadkeys, options: compose:menu}
  locale: en_GB.UTF-8
  ntp: {servers: [ntp.example.net]}
  journal: {max-size: 32 MiB}
  config-txt: [dtparam=audio=off, '[pi4]', arm_boost=0]
  cmdline: {add: [panic=10], remove: [quiet]}
";

/// What a card has by its report, path by path; compared with the card on the way.
fn written(bench: &Bench) -> BTreeMap<String, String> {
    bench.clean();
    let report: Value = serde_json::from_str(&bench.sandbox.read("pi.report.json")).unwrap();
    let files = report["written"].as_array().unwrap();
    let on_root = |file: &&Value| !path(file).starts_with("/boot/firmware/");
    let paths = files.iter().filter(on_root).map(path);
    let requests: Vec<_> = paths.map(|path| format!("stat \"{path}\"\n")).collect();
    bench.sandbox.write("requests", &requests.concat());
    bench.script("mkdir card; debugfs -R 'rdump / card' \"pi.img$root\" 2>rdump.log");
    let listed = bench.script("debugfs -f requests \"pi.img$root\" 2>&1");
    let blocks: Vec<_> = listed.split("debugfs: stat ").skip(1).collect();
    let mut stats = blocks.iter();
    let mut found = BTreeMap::new();
    for file in files {
        let text = if on_root(&file) {
            on_ext4(bench, file, stats.next().unwrap())
        } else {
            on_fat(bench, file)
        };
        found.insert(redact(path(file)), text);
    }
    assert!(stats.next().is_none());
    found
}

fn path(file: &Value) -> &str {
    file["path"].as_str().unwrap()
}

/// The release's id is a digest of keys that are new in every test.
fn redact(path: &str) -> String {
    match path.split_once("releases/") {
        Some((before, after)) => format!("{before}releases/ID{}", after.get(12..).unwrap_or("")),
        None => path.to_owned(),
    }
}

fn on_ext4(bench: &Bench, file: &Value, stat: &str) -> String {
    let (name, kind) = (path(file), file["kind"].as_str().unwrap());
    assert!(stat.starts_with(&format!("\"{name}\"\n")), "{name}: {stat}");
    if kind == "absent" {
        assert!(stat.contains("File not found"), "{name} is still there");
        return "absent".to_owned();
    }
    let field = |name: &str| {
        let (_, after) = stat.split_once(name).unwrap();
        after.split_whitespace().next().unwrap().to_owned()
    };
    let owner = format!("{}:{}", field("User:"), field("Group:"));
    assert_eq!(owner, file["owner"], "{name}");
    let copy = bench.sandbox.path(&format!("card{name}"));
    if kind == "symlink" {
        assert_eq!(
            fs::read_link(copy).unwrap().to_str(),
            file["target"].as_str()
        );
        return format!("-> {}", redact(file["target"].as_str().unwrap()));
    }
    let mode = field("Mode:");
    assert_eq!(mode, file["mode"], "{name}");
    let meta = fs::metadata(&copy).unwrap();
    assert_eq!(meta.is_dir(), kind == "directory", "{name}");
    assert_eq!(format!("{:04o}", meta.permissions().mode() & 0o7777), mode);
    if kind == "file" {
        same_bytes(file, &fs::read(copy).unwrap());
    }
    format!("{mode} {owner} {kind}")
}

fn on_fat(bench: &Bench, file: &Value) -> String {
    let name = path(file).strip_prefix("/boot/firmware").unwrap();
    if file["kind"] == "absent" {
        let listed = bench.script("mdir -b -i pi.img$boot ::/");
        assert!(!listed.contains(&format!("::{name}\n")), "{name}");
        return "absent".to_owned();
    }
    let text = bench.script(&format!("mtype -i pi.img$boot ::{name}"));
    same_bytes(file, text.as_bytes());
    assert_ne!(file["sha256"], "secret", "{name} is a secret on FAT");
    "file".to_owned()
}

fn same_bytes(file: &Value, bytes: &[u8]) {
    if file["sha256"] == "secret" {
        // The length of a password helps to guess it.
        assert!(!bytes.is_empty());
        assert_eq!(file["size"], Value::Null, "{file}");
    } else {
        assert_eq!(file["size"], bytes.len(), "{file}");
        let sum = data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
        assert_eq!(file["sha256"], sum, "{file}");
    }
}

fn baked(release: Release, machine: Machine) -> (Bench, BTreeMap<String, String>) {
    let bench = Bench::of(read_by_settings::with(Fixture::new(release, machine)));
    bench.sandbox.secret("secret", "three blind mice");
    bench
        .sandbox
        .secret("hash", "$6$salt$0123456789012345678901234567890123456789");
    bench.bake_recipe(EVERYTHING).success();
    let written = written(&bench);
    (bench, written)
}

fn lines(written: &BTreeMap<String, String>) -> Vec<String> {
    let line = |(path, what): (&String, &String)| format!("{path} {what}");
    written.iter().map(line).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is the list of what is written")]
fn every_setting_is_written_as_the_report_says_on_raspberry_pi_os_trixie() {
    let (_, written) = baked(Release::Trixie, Machine::Arm64);
    insta::assert_snapshot!(lines(&written).join("\n"), @r"
    /boot/firmware/cmdline.txt file
    /boot/firmware/config.txt file
    /etc/.updated absent
    /etc/NetworkManager/system-connections/wifi-1.nmconnection 0600 0:0 file
    /etc/NetworkManager/system-connections/wifi-2.nmconnection 0600 0:0 file
    /etc/NetworkManager/system-connections/wired.nmconnection 0600 0:0 file
    /etc/apt/apt.conf.d/20auto-upgrades 0644 0:0 file
    /etc/apt/apt.conf.d/52provision 0644 0:0 file
    /etc/avahi 0755 0:0 directory
    /etc/avahi/services 0755 0:0 directory
    /etc/avahi/services/mqtt-broker.service 0644 0:0 file
    /etc/cloud/cloud-init.disabled 0644 0:0 file
    /etc/default/keyboard 0644 0:0 file
    /etc/default/locale 0644 0:0 file
    /etc/fstab 0644 0:0 file
    /etc/group 0644 0:0 file
    /etc/gshadow 0640 0:42 file
    /etc/hostname 0644 0:0 file
    /etc/hosts 0644 0:0 file
    /etc/localtime -> /usr/share/zoneinfo/Europe/Berlin
    /etc/modprobe.d 0755 0:0 directory
    /etc/modprobe.d/provision-wifi-country.conf 0644 0:0 file
    /etc/mqtt-broker -> ../usr/local/lib/mqtt-broker/current/etc
    /etc/passwd 0644 0:0 file
    /etc/provision 0755 0:0 directory
    /etc/provision/firewall-with-ports.nft 0644 0:0 file
    /etc/provision/firewall.nft 0644 0:0 file
    /etc/provision/packages 0644 0:0 file
    /etc/rpi 0755 0:0 directory
    /etc/rpi/swap.conf.d 0755 0:0 directory
    /etc/rpi/swap.conf.d/50-provision.conf 0644 0:0 file
    /etc/shadow 0640 0:42 file
    /etc/ssh/ssh_host_ed25519_key 0600 0:0 file
    /etc/ssh/ssh_host_ed25519_key.pub 0644 0:0 file
    /etc/ssh/sshd_config.d/00-provision.conf 0644 0:0 file
    /etc/ssh/sshd_config.d/rename_user.conf absent
    /etc/subgid 0644 0:0 file
    /etc/subuid 0644 0:0 file
    /etc/sudoers.d/zz-provision 0440 0:0 file
    /etc/systemd/journald.conf.d 0755 0:0 directory
    /etc/systemd/journald.conf.d/50-provision.conf 0644 0:0 file
    /etc/systemd/system-preset 0755 0:0 directory
    /etc/systemd/system-preset/10-provision-first-boot.preset 0644 0:0 file
    /etc/systemd/system/getty.target.wants/getty@tty1.service -> /usr/lib/systemd/system/getty@.service
    /etc/systemd/system/mqtt-broker.service 0644 0:0 file
    /etc/systemd/system/multi-user.target.wants/mqtt-broker.service -> /etc/systemd/system/mqtt-broker.service
    /etc/systemd/system/multi-user.target.wants/provision-locale.service -> /etc/systemd/system/provision-locale.service
    /etc/systemd/system/multi-user.target.wants/provision-packages.service -> /etc/systemd/system/provision-packages.service
    /etc/systemd/system/multi-user.target.wants/ssh.service -> /usr/lib/systemd/system/ssh.service
    /etc/systemd/system/multi-user.target.wants/userconfig.service absent
    /etc/systemd/system/provision-firewall.service 0644 0:0 file
    /etc/systemd/system/provision-locale.service 0644 0:0 file
    /etc/systemd/system/provision-packages.service 0644 0:0 file
    /etc/systemd/system/provision-zram.service 0644 0:0 file
    /etc/systemd/system/ssh.socket -> /dev/null
    /etc/systemd/system/sshd.service -> /usr/lib/systemd/system/ssh.service
    /etc/systemd/system/swap.target.wants 0755 0:0 directory
    /etc/systemd/system/swap.target.wants/provision-zram.service -> /etc/systemd/system/provision-zram.service
    /etc/systemd/system/sysinit.target.wants/provision-firewall.service -> /etc/systemd/system/provision-firewall.service
    /etc/systemd/timesyncd.conf.d 0755 0:0 directory
    /etc/systemd/timesyncd.conf.d/50-provision.conf 0644 0:0 file
    /etc/timezone 0644 0:0 file
    /home/maria 0700 1000:1000 directory
    /home/maria/.bashrc 0644 1000:1000 file
    /home/maria/.profile 0644 1000:1000 file
    /home/maria/.ssh 0700 1000:1000 directory
    /home/maria/.ssh/authorized_keys 0600 1000:1000 file
    /home/pi absent
    /usr/lib/clock-epoch 0644 0:0 file
    /usr/lib/systemd/system-preset 0755 0:0 directory
    /usr/lib/systemd/system-preset/10-provision-firewall.preset 0644 0:0 file
    /usr/lib/systemd/system-preset/10-provision-ssh.preset 0644 0:0 file
    /usr/lib/sysusers.d 0755 0:0 directory
    /usr/lib/sysusers.d/mqtt-broker.conf 0644 0:0 file
    /usr/lib/tmpfiles.d 0755 0:0 directory
    /usr/lib/tmpfiles.d/mqtt-broker.conf 0644 0:0 file
    /usr/local 0755 0:0 directory
    /usr/local/bin 0755 0:0 directory
    /usr/local/bin/mqtt-broker -> ../lib/mqtt-broker/current/bin/mqtt-broker
    /usr/local/lib 0755 0:0 directory
    /usr/local/lib/mqtt-broker 0755 0:0 directory
    /usr/local/lib/mqtt-broker/current -> releases/ID
    /usr/local/lib/mqtt-broker/releases 0755 0:0 directory
    /usr/local/lib/mqtt-broker/releases/ID 0755 0:0 directory
    /usr/local/lib/mqtt-broker/releases/ID/bin 0755 0:0 directory
    /usr/local/lib/mqtt-broker/releases/ID/bin/mqtt-broker 0755 0:0 file
    /usr/local/lib/mqtt-broker/releases/ID/etc 0755 0:0 directory
    /usr/local/lib/mqtt-broker/releases/ID/etc/acl 0600 0:0 file
    /usr/local/lib/mqtt-broker/releases/ID/etc/broker.conf 0644 0:0 file
    /usr/local/lib/mqtt-broker/releases/ID/etc/firewall.nft 0644 0:0 file
    /usr/local/lib/mqtt-broker/releases/ID/etc/passwd 0600 0:0 file
    /usr/local/lib/mqtt-broker/releases/ID/etc/tls 0755 0:0 directory
    /usr/local/lib/mqtt-broker/releases/ID/etc/tls/ca.crt 0644 0:0 file
    /usr/local/lib/mqtt-broker/releases/ID/etc/tls/crl.pem 0644 0:0 file
    /usr/local/lib/mqtt-broker/releases/ID/etc/tls/server.crt 0644 0:0 file
    /usr/local/lib/mqtt-broker/releases/ID/etc/tls/server.key 0600 0:0 file
    /usr/local/lib/provision 0755 0:0 directory
    /usr/local/lib/provision/install-packages 0755 0:0 file
    /usr/local/lib/provision/zram-swap 0755 0:0 file
    /var/lib/NetworkManager/NetworkManager.state 0644 0:0 file
    /var/lib/systemd/rfkill/platform-1001100000.mmc:wlan 0644 0:0 file
    /var/lib/systemd/rfkill/platform-3f300000.mmcnr:wlan 0644 0:0 file
    /var/lib/systemd/rfkill/platform-fe300000.mmcnr:wlan 0644 0:0 file
    ");
}

/// What is written elsewhere and not on trixie, and the other way round.
fn difference(release: Release, machine: Machine) -> String {
    let (_, trixie) = baked(Release::Trixie, Machine::Arm64);
    let (_, written) = baked(release, machine);
    let (ours, theirs) = (lines(&written), lines(&trixie));
    let gone = theirs.iter().filter(|line| !ours.contains(line));
    let new = ours.iter().filter(|line| !theirs.contains(line));
    let gone = gone.map(|line| format!("- {line}"));
    let lines: Vec<_> = gone.chain(new.map(|line| format!("+ {line}"))).collect();
    lines.join("\n")
}

#[test]
fn on_32_bits_the_same_paths_are_written() {
    insta::assert_snapshot!(difference(Release::Trixie, Machine::Armhf), @"");
}

#[test]
fn with_rpi_preseed_there_is_no_cloud_init_to_switch_off() {
    insta::assert_snapshot!(difference(Release::Preseed, Machine::Arm64), @"- /etc/cloud/cloud-init.disabled 0644 0:0 file");
}

#[test]
fn on_bookworm_it_is_its_own_first_boot_that_differs() {
    insta::assert_snapshot!(difference(Release::Bookworm, Machine::Arm64), @r"
    - /etc/cloud/cloud-init.disabled 0644 0:0 file
    - /etc/rpi 0755 0:0 directory
    - /etc/rpi/swap.conf.d 0755 0:0 directory
    - /etc/rpi/swap.conf.d/50-provision.conf 0644 0:0 file
    - /etc/ssh/ssh_host_ed25519_key 0600 0:0 file
    - /etc/ssh/ssh_host_ed25519_key.pub 0644 0:0 file
    + /etc/ssh/provision_host_ed25519_key 0600 0:0 file
    + /etc/ssh/provision_host_ed25519_key.pub 0644 0:0 file
    + /etc/ssh/sshd_config.d/10-provision-host-key.conf 0644 0:0 file
    + /etc/sudoers.d/010_pi-nopasswd absent
    + /etc/systemd/system/dphys-swapfile.service -> /dev/null
    + /etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service absent
    + /etc/systemd/system/sysinit.target.wants 0755 0:0 directory
    ");
    assert_eq!(
        difference(Release::Bookworm, Machine::Armhf),
        difference(Release::Bookworm, Machine::Arm64)
    );
}

#[test]
fn on_an_older_bookworm_it_is_its_placeholder_that_differs() {
    insta::assert_snapshot!(difference(Release::OldBookworm, Machine::Armhf), @r"
    - /etc/cloud/cloud-init.disabled 0644 0:0 file
    - /etc/rpi 0755 0:0 directory
    - /etc/rpi/swap.conf.d 0755 0:0 directory
    - /etc/rpi/swap.conf.d/50-provision.conf 0644 0:0 file
    - /etc/ssh/ssh_host_ed25519_key 0600 0:0 file
    - /etc/ssh/ssh_host_ed25519_key.pub 0644 0:0 file
    + /etc/ssh/provision_host_ed25519_key 0600 0:0 file
    + /etc/ssh/provision_host_ed25519_key.pub 0644 0:0 file
    + /etc/ssh/sshd_config.d/10-provision-host-key.conf 0644 0:0 file
    + /etc/sudoers.d/010_pi-nopasswd absent
    + /etc/systemd/system/dphys-swapfile.service -> /dev/null
    + /etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service absent
    + /etc/systemd/system/sysinit.target.wants 0755 0:0 directory
    ");
}

#[test]
fn on_debian_it_is_what_raspberry_pi_os_adds_that_differs() {
    insta::assert_snapshot!(difference(Release::Debian, Machine::Arm64), @r"
    - /etc/cloud/cloud-init.disabled 0644 0:0 file
    - /etc/rpi 0755 0:0 directory
    - /etc/rpi/swap.conf.d 0755 0:0 directory
    - /etc/rpi/swap.conf.d/50-provision.conf 0644 0:0 file
    - /etc/ssh/sshd_config.d/rename_user.conf absent
    - /etc/systemd/system-preset 0755 0:0 directory
    - /etc/systemd/system-preset/10-provision-first-boot.preset 0644 0:0 file
    - /etc/systemd/system/getty.target.wants/getty@tty1.service -> /usr/lib/systemd/system/getty@.service
    - /etc/systemd/system/multi-user.target.wants/userconfig.service absent
    - /home/pi absent
    - /var/lib/NetworkManager/NetworkManager.state 0644 0:0 file
    + /etc/default/raspi-extra-cmdline 0644 0:0 file
    + /etc/default/raspi-firmware-custom 0644 0:0 file
    + /etc/locale.gen 0644 0:0 file
    + /etc/provision/locale 0644 0:0 file
    + /etc/systemd/journald.conf.d/10-card.conf 0644 0:0 file
    + /etc/systemd/system/grow-root.service 0644 0:0 file
    + /etc/systemd/system/multi-user.target.wants 0755 0:0 directory
    + /etc/systemd/system/multi-user.target.wants/grow-root.service -> /etc/systemd/system/grow-root.service
    + /etc/systemd/system/sysinit.target.wants 0755 0:0 directory
    + /usr/lib/systemd/system-preset/10-provision.preset 0644 0:0 file
    + /usr/local/lib/provision/grow-root 0755 0:0 file
    + /var/lib/NetworkManager 0755 0:0 directory
    + /var/lib/NetworkManager/NetworkManager.state 0600 0:0 file
    + /var/lib/systemd/rfkill 0755 0:0 directory
    ");
    assert_eq!(
        difference(Release::Debian, Machine::Armhf),
        difference(Release::Debian, Machine::Arm64)
    );
}
