//! The socket for SSH that systemd would enable at a first boot, and which knows nothing of sshd's port.

use super::bench::Bench;
use crate::fixtures::{Fixture, Machine, Release};

const RECIPE: &str = "system:\n  login: {name: ada}\n  ssh: {port: 2222}\n  firewall: off\n  upgrades: none\n  \
                      sd-card: {swap: keep, noatime: true, commit-interval: 5}\n";

/// A unit's state on the card whose tree is in `card`.
fn state(bench: &Bench, unit: &str) -> String {
    let script = format!("systemctl --root=card is-enabled {unit} || true");
    bench.script(&script).trim().to_owned()
}

#[test]
fn at_a_first_boot_ssh_is_enabled_and_its_socket_is_not_on_any_base() {
    for release in Release::ALL {
        let bench = Bench::new(release, Machine::Arm64);
        bench.bake_recipe(RECIPE).success();
        bench.clean();
        bench.script("mkdir card; for d in /etc /usr; do debugfs -R \"rdump $d card\" \"pi.img$root\" 2>/dev/null; done");
        // What systemd does at a first boot, with its own program: enable what no preset forbids.
        let boot = "systemctl --root=card --preset-mode=enable-only preset-all";
        bench.script(boot);
        assert_eq!(state(&bench, "ssh.service"), "enabled", "{release:?}");
        assert_eq!(state(&bench, "ssh.socket"), "masked", "{release:?}");
        // The preset alone keeps it off too, should somebody unmask it.
        bench.script(&format!("rm card/etc/systemd/system/ssh.socket; {boot}"));
        assert_eq!(state(&bench, "ssh.socket"), "disabled", "{release:?}");
        // Without either it would be on.
        bench.script(&format!(
            "rm card/usr/lib/systemd/system-preset/10-provision-ssh.preset; {boot}"
        ));
        assert_eq!(state(&bench, "ssh.socket"), "enabled", "{release:?}");
    }
}

#[test]
fn a_socket_that_is_enabled_in_the_base_goes_with_whatever_requires_it() {
    let mut fixture = Fixture::new(Release::Trixie, Machine::Arm64);
    let links = [
        "etc/systemd/system/sockets.target.wants/ssh.socket",
        "etc/systemd/system/ssh.service.requires/ssh.socket",
    ];
    for link in links {
        fixture.link(link, "/usr/lib/systemd/system/ssh.socket");
    }
    let bench = Bench::of(fixture);
    bench.bake_recipe(RECIPE).success();
    bench.clean();
    for link in links {
        assert!(!bench.has(&format!("/{link}")), "{link}");
    }
    assert!(
        bench
            .debugfs("pi.img", "stat /etc/systemd/system/ssh.socket")
            .contains("Fast link dest: \"/dev/null\"")
    );
}
