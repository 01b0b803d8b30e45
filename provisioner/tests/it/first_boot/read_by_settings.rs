//! What settings look at: languages, keyboards, time zones, packages, swap.

use crate::fixtures::{Fixture, Release};

/// With the files of Raspberry Pi OS Lite (and of what `image::base::debian` builds) that settings read or
/// change, beyond those that a first boot looks at.
pub(super) fn with(mut fixture: Fixture) -> Fixture {
    for city in ["Berlin", "London"] {
        fixture.file(&format!("usr/share/zoneinfo/Europe/{city}"), "TZif2");
    }
    // xkb-data: its list of what there is, as rules/base.lst.
    fixture.file("usr/share/X11/xkb/rules/base.lst", "! model\n  pc105  Generic\n\n! layout\n  gb  English (UK)\n  de  German\n\n! variant\n  nodeadkeys  de: German\n  extd  gb: English (UK, extended, Windows)\n\n! option\n  compose  Compose\n  compose:menu  Menu\n");
    add_languages(&mut fixture);
    for program in ["NetworkManager", "nft", "locale-gen"] {
        fixture.put(
            &format!("usr/sbin/{program}"),
            b"program".into(),
            0o755,
            (0, 0),
        );
    }
    add_packages(&mut fixture);
    if fixture.release != Release::Debian {
        add_swap(&mut fixture);
    }
    fixture
}

/// libc-bin, locales: an archive of those that were made, and the list of those that can be.
fn add_languages(fixture: &mut Fixture) {
    fixture.directory("usr/lib/locale/C.utf8", 0o755, (0, 0));
    fixture.file(
        "usr/share/i18n/SUPPORTED",
        "en_GB.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\nde_DE ISO-8859-1\n",
    );
    if fixture.release == Release::Debian {
        fixture.file("etc/locale.gen", "# en_GB.UTF-8 UTF-8\n");
        fixture.file("etc/default/locale", "LANG=C.UTF-8\n");
    } else {
        fixture.put(
            "usr/lib/locale/locale-archive",
            b"\xff\x00en_GB.utf8\x00\xfe".into(),
            0o644,
            (0, 0),
        );
    }
}

/// dpkg: what is installed.
fn add_packages(fixture: &mut Fixture) {
    let mut status = String::new();
    for package in [
        "console-setup",
        "keyboard-configuration",
        "locales",
        "nftables",
        "rfkill",
        "wireless-regdb",
        "wpasupplicant",
    ] {
        status.push_str("Package: ");
        status.push_str(package);
        status.push_str("\nStatus: install ok installed\n\n");
    }
    fixture.file("var/lib/dpkg/status", &status);
    fixture.directory("etc/apt/apt.conf.d", 0o755, (0, 0));
}

/// dphys-swapfile of bookworm, rpi-swap of trixie.
fn add_swap(fixture: &mut Fixture) {
    if fixture.release.is_bookworm() {
        fixture.file(
            "usr/lib/systemd/system/dphys-swapfile.service",
            "[Service]\nExecStart=/sbin/dphys-swapfile swapon\n[Install]\nWantedBy=multi-user.target\n",
        );
        fixture.link(
            "etc/systemd/system/multi-user.target.wants/dphys-swapfile.service",
            "/usr/lib/systemd/system/dphys-swapfile.service",
        );
    } else {
        fixture.put(
            "usr/lib/systemd/system-generators/rpi-swap-generator",
            b"program".into(),
            0o755,
            (0, 0),
        );
    }
}
