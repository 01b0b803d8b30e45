//! The login user: renamed, kept, refused; and what it may do as root.

use std::fmt::Write as _;

use super::bench::Bench;
use crate::fixtures::{Fixture, Machine, Release};

/// A public key as people have them.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8gXlVp6kmKXo9rJ1H9mA0ZCVwqkZ2b8nW1mY3p5c7d own";

#[test]
fn sudo_behaves_as_the_recipe_says_and_visudo_agrees() {
    let mut report = String::new();
    for (release, policy) in [
        (Release::Bookworm, "passwordless"),
        (Release::Bookworm, "none"),
        (Release::Trixie, "passwordless"),
        (Release::Trixie, "none"),
        (Release::Debian, "none"),
    ] {
        let mut fixture = Fixture::new(release, Machine::Arm64);
        fixture.put(
            "etc/sudoers.d/90-cloud-init-users",
            b"# made\npi ALL=(ALL) NOPASSWD:ALL\n".into(),
            0o440,
            (0, 0),
        );
        fixture.put(
            "etc/sudoers.d/020_bob",
            b"bob ALL=(ALL) ALL\n".into(),
            0o440,
            (0, 0),
        );
        let bench = Bench::of(fixture);
        bench.bake(&format!("name: ada, sudo: {policy}")).success();
        bench.script("mkdir sudo; debugfs -R 'rdump /etc/sudoers.d sudo' \"pi.img$root\" 2>/dev/null; debugfs -R 'dump /etc/sudoers sudo/sudoers' \"pi.img$root\" 2>/dev/null; sed -i \"s|/etc/|$PWD/sudo/|\" sudo/sudoers; chmod 440 sudo/sudoers; visudo -cf sudo/sudoers");
        let group = bench.cat("/etc/group");
        let sudo = group
            .lines()
            .find(|line| line.starts_with("sudo:"))
            .unwrap()
            .to_owned();
        write!(
            report,
            "{release:?} {policy}: {sudo}\n{}",
            bench.script("cd sudo; grep -r ALL sudoers.d | sort")
        )
        .unwrap();
        report += &bench.listing("/etc/sudoers.d");
    }
    insta::assert_snapshot!(report, @r"
    Bookworm passwordless: sudo:x:27:ada
    sudoers.d/020_bob:bob ALL=(ALL) ALL
    sudoers.d/zz-provision:ada ALL=(ALL:ALL) NOPASSWD: ALL
    100440 0:0 /etc/sudoers.d/010_global-tty
    100440 0:0 /etc/sudoers.d/020_bob
    100440 0:0 /etc/sudoers.d/zz-provision
    Bookworm none: sudo:x:27:
    sudoers.d/020_bob:bob ALL=(ALL) ALL
    sudoers.d/zz-provision:ada ALL=(ALL:ALL) !ALL
    100440 0:0 /etc/sudoers.d/010_global-tty
    100440 0:0 /etc/sudoers.d/020_bob
    100440 0:0 /etc/sudoers.d/zz-provision
    Trixie passwordless: sudo:x:27:ada
    sudoers.d/020_bob:bob ALL=(ALL) ALL
    sudoers.d/zz-provision:ada ALL=(ALL:ALL) NOPASSWD: ALL
    100440 0:0 /etc/sudoers.d/010_global-tty
    100440 0:0 /etc/sudoers.d/020_bob
    100440 0:0 /etc/sudoers.d/zz-provision
    Trixie none: sudo:x:27:
    sudoers.d/020_bob:bob ALL=(ALL) ALL
    sudoers.d/zz-provision:ada ALL=(ALL:ALL) !ALL
    100440 0:0 /etc/sudoers.d/010_global-tty
    100440 0:0 /etc/sudoers.d/020_bob
    100440 0:0 /etc/sudoers.d/zz-provision
    Debian none: sudo:x:27:
    sudoers.d/020_bob:bob ALL=(ALL) ALL
    sudoers.d/zz-provision:ada ALL=(ALL:ALL) !ALL
    100440 0:0 /etc/sudoers.d/020_bob
    100440 0:0 /etc/sudoers.d/zz-provision
    ");
}

#[test]
fn sudo_with_a_password_needs_one() {
    let bench = Bench::new(Release::Trixie, Machine::Arm64);
    let ended = bench.bake("name: ada, sudo: password");
    assert_eq!(ended.code, 2, "{}", ended.shown());
    assert!(!bench.sandbox.path("pi.img").exists());
}

#[test]
fn the_home_comes_along_with_all_that_is_in_it() {
    let mut fixture = Fixture::new(Release::Trixie, Machine::Arm64);
    fixture.put(
        "home/pi/a name/with spaces",
        b"kept\n".into(),
        0o640,
        (1000, 44),
    );
    fixture.directory("home/pi/a name", 0o750, (1000, 1000));
    fixture.link("home/pi/link", "a name");
    let bench = Bench::of(fixture);
    bench.bake("name: ada").success();
    bench.clean();
    insta::assert_snapshot!(bench.listing("/home") + &bench.listing("/home/ada") + &bench.listing("\"/home/ada/a name\""), @r#"
    040700 1000:1000 /home/ada
    100644 1000:1000 /home/ada/.bashrc
    100644 1000:1000 /home/ada/.profile
    040700 1000:1000 /home/ada/.ssh
    120777 0:0 /home/ada/link
    040750 1000:1000 /home/ada/a name
    100640 1000:44 "/home/ada/a name"/with spaces
    "#);
    assert_eq!(bench.cat("\"/home/ada/a name/with spaces\""), "kept\n");
}

#[test]
fn who_is_there_already_is_kept_under_its_name_and_refused_under_another() {
    let mut fixture = Fixture::new(Release::Bookworm, Machine::Arm64);
    fixture.change("etc/shadow", |text| {
        text.replace("pi:!:", "pi:$6$salt$hash:")
    });
    fixture.change("etc/passwd", |text| {
        text.replace(":/home/pi:/bin/bash", ":/home/pi:/bin/zsh")
    });
    fixture.directory("home/pi/.ssh", 0o700, (1000, 1000));
    fixture.put(
        "home/pi/.ssh/authorized_keys",
        format!("{KEY}\n").into(),
        0o600,
        (1000, 1000),
    );
    fixture.put("home/pi/notes", b"mine\n".into(), 0o600, (1000, 1000));
    let bench = Bench::of(fixture);
    let ended = bench.bake("name: ada");
    assert_eq!(ended.code, 2);
    let (_, error) = ended.stderr.split_once("error: ").unwrap();
    insta::assert_snapshot!(error, @r"
    the login user can't be added: 1000 is the id of pi, who can log in, and is not renamed to ada
      hint: say `system.login.name: pi` to keep that user, or use a base that nobody has set up
    ");
    assert!(!bench.sandbox.path("pi.img").exists() && !bench.sandbox.path("site").exists());

    bench.bake("name: pi").success();
    bench.clean();
    let own = bench.sandbox.read("site/ssh/id_ed25519.pub");
    assert_eq!(
        bench.cat("/home/pi/.ssh/authorized_keys"),
        format!("{KEY}\n{own}")
    );
    assert_eq!(bench.cat("/home/pi/notes"), "mine\n");
    assert!(bench.cat("/etc/shadow").contains("pi:$6$salt$hash:"));
    assert!(bench.cat("/etc/passwd").contains(":/home/pi:/bin/zsh\n"));
}

#[test]
fn the_wizard_of_a_desktop_goes_with_its_user() {
    let bench = Bench::of(Fixture::new(Release::Trixie, Machine::Arm64).with_desktop());
    bench.bake("name: ada").success();
    bench.clean();
    for path in [
        "/etc/xdg/autostart/piwiz.desktop",
        "/etc/sudoers.d/010_wiz-nopasswd",
        "/home/rpi-first-boot-wizard",
        "/home/pi",
    ] {
        assert!(!bench.has(path), "{path}");
    }
    for file in ["passwd", "shadow", "group", "gshadow", "subuid", "subgid"] {
        assert!(
            !bench.cat(&format!("/etc/{file}")).contains("wizard"),
            "{file}"
        );
    }
    assert_eq!(
        bench.cat("/etc/lightdm/lightdm.conf"),
        "[Seat:*]\n#user-session=default\n#autologin-user=rpi-first-boot-wizard\n"
    );
}
