//! What is said of a card, on images that look like the real ones, and beside what other tools say.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use image::Card;
use image::inspect::{Inspection, inspect};
use tempfile::TempDir;

use crate::fixtures::{Fixture, Machine, Release};
use crate::support::{run, tool};

fn built(fixture: &Fixture) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("card.img");
    fixture.build(&image);
    (folder, image)
}

fn inspected(fixture: &Fixture) -> Inspection {
    let (_folder, image) = built(fixture);
    inspect(&Card::open_used(&image).unwrap()).unwrap()
}

fn findings(inspection: &Inspection) -> String {
    let findings = inspection.findings.iter();
    findings
        .map(|finding| format!("{}: {}\n", finding.subject, finding.what))
        .collect::<Vec<_>>()
        .concat()
}

/// A card as somebody may have left it: settings of three ages on FAT, two networks, a key.
fn used() -> Fixture {
    let mut fixture = Fixture::new(Release::Trixie, Machine::Arm64);
    fixture.boot("user-data", "#cloud-config\nhostname: attic\nuser:\n  name: fred\n  passwd: \"$y$j9T$saltsalt$hunter2hash0123456789\"\n");
    fixture.boot("network-config", "network:\n  wifis:\n    wlan0:\n      access-points:\n        \"net\":\n          password: \"hunter2passphrase\"\n");
    fixture.boot(
        "wpa_supplicant.conf",
        "country=GB\nnetwork={\n  ssid=\"net\"\n  psk=\"hunter2key\"\n}\n",
    );
    fixture.boot(
        "custom.toml",
        "config_version = 1\n[system]\nhostname = \"attic\"\n",
    );
    fixture.boot(
        "id.pem",
        "-----BEGIN PRIVATE KEY-----\nhunter2bytes\n-----END PRIVATE KEY-----\n",
    );
    let wifi = "[connection]\nid=home\ntype=wifi\n[wifi]\nssid=my net\nhidden=true\n[wifi-security]\nkey-mgmt=sae\npsk=hunter2psk\n[ipv4]\nmethod=manual\naddress1=192.168.1.5/24,192.168.1.1\n";
    let folder = "etc/NetworkManager/system-connections";
    fixture.put(
        &format!("{folder}/home.nmconnection"),
        wifi.into(),
        0o600,
        (0, 0),
    );
    fixture.put(
        &format!("{folder}/open.nmconnection"),
        "[connection]\nid=open\ntype=wifi\n[wifi]\nssid=cafe\n".into(),
        0o644,
        (0, 0),
    );
    fixture.change("etc/shadow", |text| {
        text.replace("pi:!:", "pi:$6$saltsalt$hunter2hash0123456789:")
    });
    fixture.change("etc/passwd", |text| {
        text.replace("pi:/usr/sbin/nologin", "pi:/bin/bash")
            + "toor:x:0:0::/:/bin/sh\nada:x:1001:1001::/home/ada:/bin/bash\n"
    });
    fixture.change("etc/shadow", |text| text + "ada::20000:0:99999:7:::\n");
    fixture.put(
        "home/ada/.ssh/authorized_keys",
        "# mine\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ada@laptop\n".into(),
        0o600,
        (1001, 1001),
    );
    fixture.put(
        "etc/sudoers.d/010_pi-nopasswd",
        "pi ALL=(ALL) NOPASSWD: ALL\n".into(),
        0o440,
        (0, 0),
    );
    fixture.link(
        "etc/systemd/system/multi-user.target.wants/gone.service",
        "/usr/lib/systemd/system/gone.service",
    );
    fixture.link("etc/systemd/system/bluetooth.service", "/dev/null");
    fixture
}

#[test]
fn what_is_wrong_with_a_card_is_found() {
    let inspection = inspected(&used());
    insta::assert_snapshot!(findings(&inspection), @r"
    user ada: logs in without a password
    user toor: is root by its number
    gone.service: is enabled, and /usr/lib/systemd/system/gone.service is not there
    /etc/NetworkManager/system-connections/open.nmconnection: NetworkManager passes over it: it must be root's, with mode 0600
    Wi-Fi: no country is set on the kernel's command line
    Wi-Fi: NetworkManager has it switched off (NetworkManager.state)
    Wi-Fi: its radio is blocked (rfkill)
    /boot/firmware/custom.toml: nothing reads it on this system: system.hostname
    /boot/firmware/wpa_supplicant.conf: nothing reads it on this system: country, ssid, psk
    /boot/firmware/id.pem: line 1 has a private key, and everybody with the card can read it
    /boot/firmware/network-config: line 6 has a password, and everybody with the card can read it
    /boot/firmware/user-data: line 5 has a password's hash, and everybody with the card can read it
    /boot/firmware/wpa_supplicant.conf: line 4 has a password, and everybody with the card can read it
    ");
    let json = serde_json::to_string(&inspection).unwrap();
    assert!(!json.contains("hunter2"), "{json}");
}

#[test]
fn people_networks_and_units_are_told() {
    let inspection = inspected(&used());
    let users: Vec<_> = inspection
        .users
        .iter()
        .map(|user| {
            format!(
                "{} {} {}, {}, sudo {}, {} keys\n",
                user.name,
                user.uid,
                user.shell,
                user.password,
                user.sudo_without_password,
                user.authorized_keys.len()
            )
        })
        .collect();
    insta::assert_snapshot!(users.concat(), @r"
    root 0 /bin/bash, password locked, sudo false, 0 keys
    pi 1000 /bin/bash, password set (sha512), sudo true, 0 keys
    toor 0 /bin/sh, password locked, sudo false, 0 keys
    ada 1001 /bin/bash, no password at all, sudo false, 1 keys
    ");
    insta::assert_snapshot!(serde_json::to_string_pretty(&inspection.connections).unwrap(), @r#"
    [
      {
        "path": "/etc/NetworkManager/system-connections/home.nmconnection",
        "id": "home",
        "type": "wifi",
        "ssid": "my net",
        "security": "sae",
        "hidden": true,
        "ipv4": "manual",
        "addresses": [
          "192.168.1.5/24,192.168.1.1"
        ],
        "usable": true
      },
      {
        "path": "/etc/NetworkManager/system-connections/open.nmconnection",
        "id": "open",
        "type": "wifi",
        "ssid": "cafe",
        "security": null,
        "hidden": false,
        "ipv4": null,
        "addresses": [],
        "usable": false
      }
    ]
    "#);
    assert_eq!(inspection.units.masked, ["bluetooth.service"]);
    let files: Vec<_> = inspection
        .first_boot_files
        .iter()
        .map(|file| format!("{} {:?}\n", file.path, file.fate))
        .collect();
    insta::assert_snapshot!(files.concat(), @r"
    /boot/firmware/custom.toml Ignored
    /boot/firmware/network-config Applied
    /boot/firmware/user-data Applied
    /boot/firmware/wpa_supplicant.conf Ignored
    ");
}

#[test]
fn a_stock_image_of_any_release_has_no_findings() {
    for release in Release::ALL {
        for machine in [Machine::Arm64, Machine::Armhf] {
            let inspection = inspected(&Fixture::new(release, machine));
            assert_eq!(findings(&inspection), "", "{release:?}");
            assert_eq!(
                inspection.settings.timezone.as_deref(),
                Some("Europe/London")
            );
            assert_eq!(
                inspection.settings.host_name.as_deref(),
                Some("raspberrypi")
            );
        }
    }
}

#[test]
fn the_port_of_ssh_is_the_first_that_its_settings_name() {
    let port = |fixture: &Fixture| inspected(fixture).settings.ssh_port;
    let mut fixture = Fixture::new(Release::Trixie, Machine::Arm64);
    assert_eq!(port(&fixture), None);
    fixture.change("etc/ssh/sshd_config", |text| text + "#Port 22\nPort 1022\n");
    assert_eq!(port(&fixture), Some(1022));
    fixture.file("etc/ssh/sshd_config.d/50-b.conf", "Port 3022\n");
    fixture.file(
        "etc/ssh/sshd_config.d/10-a.conf",
        "# none\n\tport\t2022\nPort 4022\n",
    );
    fixture.file("etc/ssh/sshd_config.d/00-off.conf.old", "Port 5022\n");
    assert_eq!(port(&fixture), Some(2022));
}

#[test]
fn labels_and_identities_are_those_that_blkid_reads() {
    for release in [Release::Bookworm, Release::Trixie] {
        let fixture = Fixture::new(release, Machine::Arm64);
        let (_folder, image) = built(&fixture);
        let inspection = inspect(&Card::open(&image).unwrap()).unwrap();
        for (facts, offset) in inspection
            .partitions
            .iter()
            .zip([fixture.boot_offset(), fixture.root_offset()])
        {
            let value = |name: &str| {
                let mut blkid = tool("blkid");
                blkid.args(["-p", "-o", "value", "-s", name, "-O", &offset.to_string()]);
                run(blkid.arg(&image)).trim().to_owned()
            };
            let found = facts.file_system.as_ref().unwrap();
            assert_eq!(facts.offset, offset);
            assert_eq!(found.uuid, value("UUID"));
            assert_eq!(found.label, value("LABEL"));
        }
        let table = run(tool("sfdisk").arg("--json").arg(&image));
        assert!(
            table.contains(&format!("\"id\": \"0x{}\"", inspection.disk_id))
                || table.contains(&format!("\"id\":\"0x{}\"", inspection.disk_id)),
            "{table}"
        );
        let free = run(tool("dumpe2fs").arg("-h").arg(format!(
            "{}?offset={}",
            image.display(),
            fixture.root_offset()
        )));
        let blocks = free
            .lines()
            .find_map(|line| line.strip_prefix("Free blocks:"))
            .unwrap();
        let root = inspection.partitions[1].file_system.as_ref().unwrap();
        assert_eq!(root.free, blocks.trim().parse::<u64>().unwrap() * 4096);
    }
}

#[test]
fn a_damaged_card_is_an_error_or_a_finding_and_never_a_panic() {
    let (_folder, image) = built(&used());
    let file = File::options().read(true).write(true).open(&image).unwrap();
    let size = file.metadata().unwrap().len();
    // A block of rubbish, now here and now there in both file systems.
    for at in (0..size - 4096).step_by(1 << 20) {
        let mut block = [0; 4096];
        file.read_exact_at(&mut block, at).unwrap();
        file.write_all_at(&[0xA5; 4096], at).unwrap();
        if let Ok(card) = Card::open_used(&image) {
            drop(inspect(&card));
        }
        file.write_all_at(&block, at).unwrap();
    }
    inspect(&Card::open(&image).unwrap()).unwrap();
}
