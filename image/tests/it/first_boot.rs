//! Telling systems apart, on images that look like the real ones and on damaged ones.

use std::fmt::Write as _;
use std::path::PathBuf;

use image::Card;
use image::system::{Detected, Fate};
use tempfile::TempDir;

use crate::fixtures::{Fixture, Machine, Release};
use crate::support::chain;

fn built(fixture: &Fixture) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("base.img");
    fixture.build(&image);
    (folder, image)
}

fn detect(fixture: &Fixture) -> Detected {
    let (_folder, image) = built(fixture);
    Card::open(&image).unwrap().first_boot().unwrap()
}

#[test]
fn every_system_is_told_by_its_files() {
    let mut report = String::new();
    for machine in [Machine::Arm64, Machine::Armhf] {
        for release in Release::ALL {
            let detected = detect(&Fixture::new(release, machine));
            assert!(detected.is_sure(), "{release:?}: {:?}", detected.doubts);
            let issue = detected.issue.unwrap_or_default();
            writeln!(
                report,
                "{release:?} {machine:?}: {} ({}), {} {:?}, image {:?} {:?}, {:?}, {:?}",
                detected.first_boot,
                detected.first_boot.init_format(),
                detected.release.codename,
                detected.architecture.map(image::Architecture::name),
                issue.date,
                issue.stage,
                detected.machine_id,
                detected.growth,
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(report, @r#"
    OldBookworm Arm64: Raspberry Pi OS with custom.toml or firstrun.sh (systemd), bookworm Some("arm64"), image "2024-11-19" "stage2", Empty, Some(Init)
    Bookworm Arm64: Raspberry Pi OS with custom.toml or firstrun.sh (systemd), bookworm Some("arm64"), image "2025-05-13" "stage2", Empty, Some(Init)
    Trixie Arm64: Raspberry Pi OS with cloud-init (cloudinit-rpi), trixie Some("arm64"), image "2026-06-18" "stage2", FirstBoot, Some(Resize)
    Preseed Arm64: Raspberry Pi OS with rpi-preseed (rpi-preseed), trixie Some("arm64"), image "2026-06-18" "stage2", FirstBoot, Some(Resize)
    Debian Arm64: Debian (none), trixie Some("arm64"), image "" "", FirstBoot, None
    OldBookworm Armhf: Raspberry Pi OS with custom.toml or firstrun.sh (systemd), bookworm Some("armhf"), image "2024-11-19" "stage2", Empty, Some(Init)
    Bookworm Armhf: Raspberry Pi OS with custom.toml or firstrun.sh (systemd), bookworm Some("armhf"), image "2025-05-13" "stage2", Empty, Some(Init)
    Trixie Armhf: Raspberry Pi OS with cloud-init (cloudinit-rpi), trixie Some("armhf"), image "2026-06-18" "stage2", FirstBoot, Some(Resize)
    Preseed Armhf: Raspberry Pi OS with rpi-preseed (rpi-preseed), trixie Some("armhf"), image "2026-06-18" "stage2", FirstBoot, Some(Resize)
    Debian Armhf: Debian (none), trixie Some("armhf"), image "" "", FirstBoot, None
    "#);
}

#[test]
fn a_desktop_is_told_like_its_lite_sister() {
    for release in [Release::Bookworm, Release::Trixie] {
        let lite = Fixture::new(release, Machine::Arm64);
        assert_eq!(detect(&lite.clone().with_desktop()), detect(&lite));
    }
}

#[test]
fn a_user_data_alone_makes_no_raspberry_pi_os() {
    let mut fixture = Fixture::new(Release::Debian, Machine::Arm64);
    fixture.boot("user-data", "#cloud-config\nhostname: a\n");
    let detected = detect(&fixture);
    assert!(detected.is_sure(), "{detected:?}");
    assert_eq!(detected.first_boot, image::FirstBoot::Debian);
}

#[test]
fn what_speaks_against_it_is_said() {
    let mut report = String::new();
    let mut tell = |what: &str, fixture: &Fixture| {
        let detected = detect(fixture);
        writeln!(report, "{what}: {:?}", detected.first_boot).unwrap();
        for doubt in &detected.doubts {
            writeln!(report, "  {doubt}").unwrap();
        }
    };
    let fixture = Fixture::new(Release::Trixie, Machine::Arm64);
    let mut changed = fixture.clone();
    changed.remove("usr/lib/os-release");
    changed.remove("etc/os-release");
    tell("no os-release", &changed);
    let mut changed = fixture.clone();
    changed.remove("etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg");
    tell("half of cloud-init", &changed);
    let mut changed = fixture.clone();
    changed.file("usr/bin/rpi-preseed", "#!/bin/sh\n");
    tell("two at once", &changed);
    let mut changed = Fixture::new(Release::Bookworm, Machine::Arm64);
    changed.remove("usr/lib/raspberrypi-sys-mods/init_config");
    tell("no init_config", &changed);
    let mut changed = Fixture::new(Release::Bookworm, Machine::Arm64);
    changed.change("usr/lib/os-release", |text| {
        text.replace("bookworm", "forky")
    });
    tell("another release", &changed);
    let mut changed = Fixture::new(Release::Debian, Machine::Arm64);
    changed.change("usr/lib/os-release", |text| {
        text.replace("ID=debian", "ID=ubuntu")
    });
    tell("no Debian", &changed);
    let mut changed = Fixture::new(Release::Debian, Machine::Arm64);
    changed.file("usr/bin/cloud-init", "#!/bin/sh\n");
    tell("Debian's own cloud-init", &changed);
    insta::assert_snapshot!(report, @r"
    no os-release: CloudInit
      /etc/os-release names no release
    half of cloud-init: Systemd
      of cloud-init's files, /etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg is missing
    two at once: Preseed
      both rpi-preseed and cloud-init are there, which exclude each other
    no init_config: Systemd
      its first-boot programs are not all there: custom.toml would be ignored
    another release: Systemd
      Raspberry Pi OS with custom.toml or firstrun.sh is known from bookworm, and this is forky
    no Debian: Unknown
      it has no first-boot mechanism that is known, and is not plain Debian
    Debian's own cloud-init: Debian
      cloud-init is installed, not as Raspberry Pi OS has it
    ");
}

#[test]
fn settings_on_the_fat_partition_are_named_with_what_becomes_of_them() {
    let mut report = String::new();
    for release in Release::ALL {
        let mut fixture = Fixture::new(release, Machine::Arm64);
        let (_folder, image) = built(&fixture);
        assert_eq!(
            Card::open(&image).unwrap().seed_files().unwrap(),
            [],
            "stock {release:?}"
        );
        fixture.boot(
            "custom.toml",
            "[system]\nhostname = \"a\"\n[user]\npassword = \"hunter22\"\n",
        );
        fixture.boot(
            "user-data",
            "#cloud-config\nhostname: a\nuser:\n  passwd: hunter22\n",
        );
        fixture.boot(
            "firstrun.sh",
            "#!/bin/sh\nimager_custom set_wlan 'net' 'hunter22' 'GB'\n",
        );
        fixture.boot("userconf.txt", "fred:hunter22\n");
        fixture.boot(
            "wpa_supplicant.conf",
            "country=GB\nnetwork={\n ssid=\"net\"\n psk=\"hunter22\"\n}\n",
        );
        fixture.boot("rpi-preseed.toml", "[wlan]\npassword = \"hunter22\"\n");
        fixture.boot("ssh", "");
        let (_folder, image) = built(&fixture);
        let card = Card::open(&image).unwrap();
        writeln!(report, "{release:?}").unwrap();
        for file in card.seed_files().unwrap() {
            writeln!(
                report,
                "  {:?} {}: {}; secret: {}",
                file.fate,
                file.path.rsplit('/').next().unwrap(),
                file.settings.join(" "),
                file.secrets.join(" ")
            )
            .unwrap();
            assert!(!format!("{file:?}").contains("hunter22"));
        }
        let ignored = card.ignored_settings().unwrap();
        assert!(ignored.iter().all(|file| file.fate == Fate::Ignored) && !ignored.is_empty());
    }
    insta::assert_snapshot!(report, @r"
    OldBookworm
      Applied custom.toml: system.hostname user.password; secret: user.password
      Ignored firstrun.sh: set_wlan; secret: set_wlan
      Ignored rpi-preseed.toml: wlan.password; secret: wlan.password
      Applied ssh: ssh; secret: 
      Ignored user-data: hostname user.passwd; secret: user.passwd
      Applied userconf.txt: user password; secret: password
      Ignored wpa_supplicant.conf: country ssid psk; secret: psk
    Bookworm
      Applied custom.toml: system.hostname user.password; secret: user.password
      Ignored firstrun.sh: set_wlan; secret: set_wlan
      Ignored rpi-preseed.toml: wlan.password; secret: wlan.password
      Applied ssh: ssh; secret: 
      Ignored user-data: hostname user.passwd; secret: user.passwd
      Applied userconf.txt: user password; secret: password
      Ignored wpa_supplicant.conf: country ssid psk; secret: psk
    Trixie
      Ignored custom.toml: system.hostname user.password; secret: user.password
      Ignored firstrun.sh: set_wlan; secret: set_wlan
      Ignored rpi-preseed.toml: wlan.password; secret: wlan.password
      Applied ssh: ssh; secret: 
      Applied user-data: hostname user.passwd; secret: user.passwd
      Applied userconf.txt: user password; secret: password
      Ignored wpa_supplicant.conf: country ssid psk; secret: psk
    Preseed
      Ignored custom.toml: system.hostname user.password; secret: user.password
      Ignored firstrun.sh: set_wlan; secret: set_wlan
      Applied rpi-preseed.toml: wlan.password; secret: wlan.password
      Applied ssh: ssh; secret: 
      Ignored user-data: hostname user.passwd; secret: user.passwd
      Applied userconf.txt: user password; secret: password
      Ignored wpa_supplicant.conf: country ssid psk; secret: psk
    Debian
      Ignored custom.toml: system.hostname user.password; secret: user.password
      Ignored firstrun.sh: set_wlan; secret: set_wlan
      Ignored rpi-preseed.toml: wlan.password; secret: wlan.password
      Ignored ssh: ssh; secret: 
      Ignored user-data: hostname user.passwd; secret: user.passwd
      Ignored userconf.txt: user password; secret: password
      Ignored wpa_supplicant.conf: country ssid psk; secret: psk
    ");
}

#[test]
fn a_firstrun_that_the_command_line_names_is_applied_anywhere() {
    let mut fixture = Fixture::new(Release::Debian, Machine::Arm64);
    fixture.boot("firstrun.sh", "#!/bin/sh\nuserconf 'a' 'b'\n");
    fixture.boot(
        "cmdline.txt",
        "root=/dev/a systemd.run=/boot/firstrun.sh systemd.run_success_action=reboot\n",
    );
    let (_folder, image) = built(&fixture);
    let files = Card::open(&image).unwrap().seed_files().unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].fate, Fate::Applied);
}

#[test]
fn a_damaged_card_is_an_error_with_a_word_for_it() {
    let mut report = String::new();
    for release in [Release::Bookworm, Release::Trixie, Release::Debian] {
        let fixture = Fixture::new(release, Machine::Arm64);
        let (folder, image) = built(&fixture);
        let (boot, root) = (fixture.boot_offset(), fixture.root_offset());
        let damages = [
            (
                "no FAT",
                format!(
                    "dd if=/dev/zero of=bad.img bs=512 seek={} count=1 conv=notrunc",
                    boot / 512
                ),
            ),
            (
                "no ext4",
                format!(
                    "dd if=/dev/zero of=bad.img bs=1024 seek={} count=1 conv=notrunc",
                    root / 1024 + 1
                ),
            ),
            (
                "cut off in the FAT",
                format!("truncate -s {} bad.img", boot + 4096),
            ),
            (
                "cut off in the root",
                format!("truncate -s {} bad.img", root + (1 << 20)),
            ),
            (
                "not closed",
                format!("debugfs -w -R 'feature needs_recovery' 'bad.img?offset={root}'"),
            ),
        ];
        for (what, command) in damages {
            let script =
                format!("PATH=$PATH:/usr/sbin; cp --sparse=always base.img bad.img; {command}");
            crate::support::run(
                std::process::Command::new("sh")
                    .args(["-euc", &script])
                    .current_dir(folder.path()),
            );
            let bad = folder.path().join("bad.img");
            let error = Card::open(&bad)
                .and_then(|card| card.first_boot().map(drop))
                .unwrap_err();
            let said = chain(&error).replace(&folder.path().display().to_string(), "[HERE]");
            if release == Release::Trixie {
                writeln!(report, "{what}: {said}").unwrap();
            }
        }
        drop(image);
    }
    insta::assert_snapshot!(report, @r"
    no FAT: partition 1 of [HERE]/bad.img is not a readable FAT file system
      because Invalid boot sector signature
    no ext4: partition 2 of [HERE]/bad.img can't be used
      because there is no ext4 file system: the magic number is 0x0000, not 0xef53
    cut off in the FAT: [HERE]/bad.img is not a usable card image
      because partition 1 ends at sector 90112, the image has 16392
    cut off in the root: [HERE]/bad.img is not a usable card image
      because partition 2 ends at sector 155648, the image has 92160
    not closed: partition 2 of [HERE]/bad.img can't be used
      because the ext4 file system needs its journal replayed (needs_recovery is set)
    ");
}
