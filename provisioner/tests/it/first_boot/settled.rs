//! What a card would ask or do at its first boot, and what it still does.

use std::fmt::Write as _;

use super::bench::Bench;
use crate::fixtures::{Fixture, Machine, Release};

#[test]
fn trixie_becomes_a_card_that_asks_nothing() {
    let bench = Bench::new(Release::Trixie, Machine::Arm64);
    let ended = bench.bake("name: ada, sudo: passwordless").success();
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    bench.clean();
    insta::assert_snapshot!(bench.state(), @r"
    --- /etc/passwd
    ada:x:1000:1000:,,,:/home/ada:/bin/bash
    --- /etc/shadow
    ada:!:20622:0:99999:7:::
    --- /etc/group
    adm:x:4:ada
    dialout:x:20:ada
    cdrom:x:24:ada
    sudo:x:27:ada
    audio:x:29:ada
    video:x:44:ada
    plugdev:x:46:ada
    games:x:60:ada
    users:x:100:ada
    ada:x:1000:
    input:x:102:ada
    render:x:104:ada
    netdev:x:106:ada
    spi:x:989:ada
    i2c:x:988:ada
    gpio:x:986:ada
    systemd-journal:x:999:ada
    --- /etc/gshadow
    adm:!::ada
    dialout:!::ada
    cdrom:!::ada
    sudo:!::ada
    audio:!::ada
    video:!::ada
    plugdev:!::ada
    games:!::ada
    users:!::ada
    ada:!::
    input:!::ada
    render:!::ada
    netdev:!::ada
    spi:!::ada
    i2c:!::ada
    gpio:!::ada
    systemd-journal:!::ada
    --- /etc/subuid
    ada:100000:65536
    --- /etc/subgid
    ada:100000:65536
    040700 1000:1000 /home/ada
    100644 1000:1000 /home/ada/.bashrc
    100644 1000:1000 /home/ada/.profile
    040700 1000:1000 /home/ada/.ssh
    100600 1000:1000 /home/ada/.ssh/authorized_keys
    100600 0:0 /etc/ssh/ssh_host_ed25519_key
    100644 0:0 /etc/ssh/ssh_host_ed25519_key.pub
    100644 0:0 /etc/ssh/sshd_config
    040755 0:0 /etc/ssh/sshd_config.d
    100644 0:0 /etc/ssh/sshd_config.d/00-provision.conf
    100440 0:0 /etc/sudoers.d/010_global-tty
    100440 0:0 /etc/sudoers.d/zz-provision
    040755 0:0 /etc/systemd/system/getty.target.wants
    100644 0:0 /etc/systemd/system/mqtt-broker.service
    040755 0:0 /etc/systemd/system/multi-user.target.wants
    120777 0:0 /etc/systemd/system/ssh.socket
    120777 0:0 /etc/systemd/system/sshd.service
    040755 0:0 /etc/systemd/system/sysinit.target.wants
    120777 0:0 /etc/systemd/system/multi-user.target.wants/mqtt-broker.service
    120777 0:0 /etc/systemd/system/multi-user.target.wants/ssh.service
    120777 0:0 /etc/systemd/system/multi-user.target.wants/sshswitch.service
    120777 0:0 /etc/systemd/system/getty.target.wants/getty@tty1.service
    120777 0:0 /etc/systemd/system/sysinit.target.wants/rpi-resize.service
    100644 0:0 /etc/systemd/system-preset/10-provision-first-boot.preset
    100644 0:0 /etc/cloud/cloud-init.disabled
    100644 0:0 /etc/cloud/cloud.cfg
    040755 0:0 /etc/cloud/cloud.cfg.d
    ");
    insta::assert_snapshot!(bench.script("mdir -b -i pi.img$boot ::/"), @r"
    ::/cmdline.txt
    ::/config.txt
    ::/issue.txt
    ::/meta-data
    ::/network-config
    ::/user-data
    ");
}

#[test]
fn bookworm_becomes_a_card_that_asks_nothing_and_keeps_its_host_key() {
    let bench = Bench::new(Release::OldBookworm, Machine::Armhf);
    bench.bake("name: ada, sudo: none").success();
    bench.clean();
    insta::assert_snapshot!(bench.state(), @r"
    --- /etc/passwd
    ada:x:1000:1000:,,,:/home/ada:/bin/bash
    --- /etc/shadow
    ada:*:20622:0:99999:7:::
    --- /etc/group
    adm:x:4:ada
    dialout:x:20:ada
    cdrom:x:24:ada
    audio:x:29:ada
    video:x:44:ada
    plugdev:x:46:ada
    games:x:60:ada
    users:x:100:ada
    ada:x:1000:
    input:x:102:ada
    render:x:104:ada
    netdev:x:106:ada
    spi:x:989:ada
    i2c:x:988:ada
    gpio:x:986:ada
    systemd-journal:x:999:ada
    --- /etc/gshadow
    adm:!::ada
    dialout:!::ada
    cdrom:!::ada
    audio:!::ada
    video:!::ada
    plugdev:!::ada
    games:!::ada
    users:!::ada
    ada:!::
    input:!::ada
    render:!::ada
    netdev:!::ada
    spi:!::ada
    i2c:!::ada
    gpio:!::ada
    systemd-journal:!::ada
    --- /etc/subuid
    ada:100000:65536
    --- /etc/subgid
    ada:100000:65536
    040700 1000:1000 /home/ada
    100644 1000:1000 /home/ada/.bashrc
    100644 1000:1000 /home/ada/.profile
    040700 1000:1000 /home/ada/.ssh
    100600 1000:1000 /home/ada/.ssh/authorized_keys
    100600 0:0 /etc/ssh/provision_host_ed25519_key
    100644 0:0 /etc/ssh/provision_host_ed25519_key.pub
    100644 0:0 /etc/ssh/sshd_config
    040755 0:0 /etc/ssh/sshd_config.d
    100644 0:0 /etc/ssh/sshd_config.d/00-provision.conf
    100644 0:0 /etc/ssh/sshd_config.d/10-provision-host-key.conf
    100440 0:0 /etc/sudoers.d/010_global-tty
    100440 0:0 /etc/sudoers.d/zz-provision
    040755 0:0 /etc/systemd/system/getty.target.wants
    100644 0:0 /etc/systemd/system/mqtt-broker.service
    040755 0:0 /etc/systemd/system/multi-user.target.wants
    120777 0:0 /etc/systemd/system/ssh.socket
    120777 0:0 /etc/systemd/system/sshd.service
    120777 0:0 /etc/systemd/system/multi-user.target.wants/mqtt-broker.service
    120777 0:0 /etc/systemd/system/multi-user.target.wants/ssh.service
    120777 0:0 /etc/systemd/system/multi-user.target.wants/sshswitch.service
    120777 0:0 /etc/systemd/system/getty.target.wants/getty@tty1.service
    100644 0:0 /etc/systemd/system-preset/10-provision-first-boot.preset
    ");
    // What firstboot does to keys.
    bench.script(
        "mkdir -p keys; debugfs -R 'rdump /etc/ssh keys' \"pi.img$root\" 2>/dev/null; rm -f keys/ssh/ssh_host_*_key*",
    );
    let key = bench
        .sandbox
        .read("keys/ssh/provision_host_ed25519_key.pub");
    assert_eq!(
        key,
        bench
            .sandbox
            .read("site/hosts/broker/ssh_host_ed25519_key.pub")
    );
    let stat = bench.debugfs("pi.img", "stat /etc/ssh/provision_host_ed25519_key");
    assert!(stat.contains("Mode:  0600"), "{stat}");
}

#[test]
fn sshd_itself_takes_keys_alone_and_shows_the_key_that_the_site_knows() {
    for (release, key) in [
        (Release::Trixie, "ssh_host_ed25519_key"),
        (Release::Bookworm, "provision_host_ed25519_key"),
    ] {
        let mut fixture = Fixture::new(release, Machine::Arm64);
        // Of two settings sshd takes the first.
        fixture.file(
            "etc/ssh/sshd_config.d/01-own.conf",
            "PasswordAuthentication yes\nPermitRootLogin yes\n",
        );
        let bench = Bench::of(fixture);
        bench.bake("name: ada").success();
        bench.script("mkdir keys; debugfs -R 'rdump /etc/ssh keys' \"pi.img$root\" 2>/dev/null");
        // Where the files are here, and without PAM's libraries.
        bench.script("sed -i \"s|/etc/ssh/|$PWD/keys/ssh/|\" keys/ssh/sshd_config keys/ssh/sshd_config.d/*; chmod 600 keys/ssh/*_key");
        if release == Release::Trixie {
            bench.script(&format!(
                "echo HostKey $PWD/keys/ssh/{key} >>keys/ssh/sshd_config"
            ));
        }
        let settings =
            bench.script("unshare -rm sh -euc 'mount -t tmpfs tmpfs /run; mkdir /run/sshd; $(command -v sshd) -T -f $PWD/keys/ssh/sshd_config'");
        let has = |line: &str| settings.lines().any(|other| other == line);
        assert!(
            has("passwordauthentication no") && has("banner none"),
            "{settings}"
        );
        assert!(has("permitrootlogin no"), "{settings}");
        let keys: Vec<_> = settings
            .lines()
            .filter(|line| line.starts_with("hostkey "))
            .collect();
        assert!(keys.len() == 1 && keys[0].ends_with(key), "{keys:?}");
    }
}

#[test]
fn growth_and_the_new_disk_signature_stay_as_they_were() {
    for machine in [Machine::Arm64, Machine::Armhf] {
        for release in Release::ALL {
            let bench = Bench::new(release, machine);
            bench.bake("name: ada").success();
            bench.clean();
            for file in ["cmdline.txt", "config.txt"] {
                bench.script(&format!(
                    "mtype -i base.img$boot ::/{file} >a; mtype -i pi.img$boot ::/{file} >b; cmp a b"
                ));
            }
            for path in [
                "/etc/fstab",
                "/etc/machine-id",
                "/usr/lib/raspberrypi-sys-mods/firstboot",
                "/usr/lib/systemd/system/rpi-resize.service",
            ] {
                let request = format!("cat {path}");
                assert_eq!(
                    bench.debugfs("pi.img", &request),
                    bench.debugfs("base.img", &request),
                    "{path}"
                );
            }
            let link = "/etc/systemd/system/sysinit.target.wants/rpi-resize.service";
            assert_eq!(
                bench.has(link),
                matches!(release, Release::Trixie | Release::Preseed)
            );
            bench.script("dd if=base.img of=a bs=512 count=1 status=none; dd if=pi.img of=b bs=512 count=1 status=none; cmp a b");
            // Our own growth is for a system that has none.
            assert_eq!(
                bench.has("/etc/systemd/system/grow-root.service"),
                release == Release::Debian
            );
            assert_eq!(
                bench.has("/etc/systemd/system/multi-user.target.wants/grow-root.service"),
                release == Release::Debian
            );
        }
    }
}

#[test]
fn at_a_first_boot_the_wizard_is_not_enabled_again() {
    let bench = Bench::new(Release::Trixie, Machine::Arm64);
    bench.bake("name: ada").success();
    bench.script("mkdir card; for d in /etc /usr; do debugfs -R \"rdump $d card\" \"pi.img$root\" 2>/dev/null; done");
    // What systemd does at a first boot, with its own program: enable what no preset forbids.
    bench.script("systemctl --root=card --preset-mode=enable-only preset-all");
    let state = |unit: &str| {
        let script = format!("systemctl --root=card is-enabled {unit} || true");
        bench.script(&script).trim().to_owned()
    };
    assert_eq!(state("userconfig.service"), "disabled");
    assert_eq!(state("ssh.service"), "enabled");
    assert_eq!(state("rpi-resize.service"), "enabled");
    assert_eq!(state("getty@tty1.service"), "enabled");
    // Without our preset it would be.
    bench.script("rm card/etc/systemd/system-preset/*; systemctl --root=card --preset-mode=enable-only preset-all");
    assert_eq!(state("userconfig.service"), "enabled");
}

#[test]
fn settings_that_would_fight_with_ours_go_and_are_named() {
    let mut report = String::new();
    for release in [
        Release::Bookworm,
        Release::Trixie,
        Release::Preseed,
        Release::Debian,
    ] {
        let mut fixture = Fixture::new(release, Machine::Arm64);
        fixture.boot(
            "custom.toml",
            "[system]\nhostname = \"a\"\n[user]\npassword = \"hunter22\"\n",
        );
        fixture.boot("firstrun.sh", "#!/bin/sh\nuserconf 'fred' 'hunter22'\n");
        fixture.boot("cmdline.txt", "root=/dev/a rootwait resize systemd.run=/boot/firstrun.sh systemd.run_success_action=reboot systemd.unit=kernel-command-line.target\n");
        fixture.boot("rpi-preseed.toml", "[wlan]\npassword = \"hunter22\"\n");
        fixture.boot(
            "user-data",
            "#cloud-config\nhostname: a\nuser:\n  passwd: hunter22\n",
        );
        fixture.boot("userconf.txt", "fred:hunter22\n");
        fixture.boot("wpa_supplicant.conf", "network={\n psk=\"hunter22\"\n}\n");
        fixture.boot("ssh", "");
        let bench = Bench::of(fixture);
        let ended = bench.bake("name: ada").success();
        bench.clean();
        assert!(!ended.stderr.contains("hunter22"), "{}", ended.stderr);
        writeln!(report, "{release:?}").unwrap();
        for line in ended.stderr.lines().filter(|line| line.contains("warning")) {
            writeln!(report, "{line}").unwrap();
        }
        report += &bench.script("mdir -b -i pi.img$boot ::/ | sort | tr -d '\\n'; echo; mtype -i pi.img$boot ::/cmdline.txt");
    }
    insta::assert_snapshot!(report, @r"
    Bookworm
    warning: the base's custom.toml is not on the card: it would change system.hostname, user.password after what the recipe says
    warning: the base's firstrun.sh is not on the card: it would change userconf after what the recipe says
    warning: the base's rpi-preseed.toml is left alone and has no effect on this card: it sets wlan.password (a secret that anybody can read who has the card)
    warning: the base's user-data is left alone and has no effect on this card: it sets hostname, user.passwd (a secret that anybody can read who has the card)
    warning: the base's userconf.txt is not on the card: it would change user, password after what the recipe says
    warning: the base's wpa_supplicant.conf is left alone and has no effect on this card: it sets psk (a secret that anybody can read who has the card)
    ::/cmdline.txt::/config.txt::/issue.txt::/rpi-preseed.toml::/user-data::/wpa_supplicant.conf
    root=/dev/a rootwait resize
    Trixie
    warning: the base's custom.toml is left alone and has no effect on this card: it sets system.hostname, user.password (a secret that anybody can read who has the card)
    warning: the base's firstrun.sh is not on the card: it would change userconf after what the recipe says
    warning: the base's rpi-preseed.toml is left alone and has no effect on this card: it sets wlan.password (a secret that anybody can read who has the card)
    warning: the base's user-data is left alone and has no effect on this card: it sets hostname, user.passwd (a secret that anybody can read who has the card)
    warning: the base's userconf.txt is not on the card: it would change user, password after what the recipe says
    warning: the base's wpa_supplicant.conf is left alone and has no effect on this card: it sets psk (a secret that anybody can read who has the card)
    ::/cmdline.txt::/config.txt::/custom.toml::/issue.txt::/meta-data::/network-config::/rpi-preseed.toml::/user-data::/wpa_supplicant.conf
    root=/dev/a rootwait resize
    Preseed
    warning: the base's custom.toml is left alone and has no effect on this card: it sets system.hostname, user.password (a secret that anybody can read who has the card)
    warning: the base's firstrun.sh is not on the card: it would change userconf after what the recipe says
    warning: the base's rpi-preseed.toml is not on the card: it would change wlan.password after what the recipe says
    warning: the base's user-data is left alone and has no effect on this card: it sets hostname, user.passwd (a secret that anybody can read who has the card)
    warning: the base's userconf.txt is not on the card: it would change user, password after what the recipe says
    warning: the base's wpa_supplicant.conf is left alone and has no effect on this card: it sets psk (a secret that anybody can read who has the card)
    ::/cmdline.txt::/config.txt::/custom.toml::/issue.txt::/user-data::/wpa_supplicant.conf
    root=/dev/a rootwait resize
    Debian
    warning: the base's custom.toml is left alone and has no effect on this card: it sets system.hostname, user.password (a secret that anybody can read who has the card)
    warning: the base's firstrun.sh is not on the card: it would change userconf after what the recipe says
    warning: the base's rpi-preseed.toml is left alone and has no effect on this card: it sets wlan.password (a secret that anybody can read who has the card)
    warning: the base's ssh is left alone and has no effect on this card: it sets ssh
    warning: the base's user-data is left alone and has no effect on this card: it sets hostname, user.passwd (a secret that anybody can read who has the card)
    warning: the base's userconf.txt is left alone and has no effect on this card: it sets user, password (a secret that anybody can read who has the card)
    warning: the base's wpa_supplicant.conf is left alone and has no effect on this card: it sets psk (a secret that anybody can read who has the card)
    ::/cmdline.txt::/config.txt::/custom.toml::/rpi-preseed.toml::/ssh::/user-data::/userconf.txt::/wpa_supplicant.conf
    root=/dev/a rootwait resize
    ");
}
