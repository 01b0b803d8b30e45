//! Small bases with what settings look at, and cards baked on them.

use crate::bake::with_base_of;
use crate::kinds::ARM64;
use crate::support::{Ended, Sandbox, tool};

/// What Debian's and Raspberry Pi OS's bases have in common, as far as settings look at it.
pub(super) fn common(sandbox: &Sandbox) {
    for folder in [
        "usr/sbin",
        "usr/share/zoneinfo/Europe",
        "usr/share/X11/xkb/rules",
        "usr/lib/systemd/system",
        "var/lib/dpkg",
        "var/lib/systemd/rfkill",
        "var/lib/NetworkManager",
        "etc/default",
        "etc/NetworkManager/system-connections",
        "usr/lib/locale/C.utf8",
        "usr/share/i18n",
    ] {
        std::fs::create_dir_all(sandbox.path("root").join(folder)).unwrap();
    }
    for (path, text) in [
        ("usr/sbin/NetworkManager", "program"),
        ("usr/share/zoneinfo/Europe/Berlin", "TZif2"),
        (
            "etc/fstab",
            "proc            /proc           proc    defaults          0       0\n\
             PARTUUID=0badcafe-01  /boot/firmware  vfat    defaults          0       2\n\
             PARTUUID=0badcafe-02  /               ext4    defaults,noatime  0       1\n",
        ),
        (
            "var/lib/dpkg/status",
            "Package: wpasupplicant\nStatus: install ok installed\n\n\
             Package: nftables\nStatus: install ok installed\n\n\
             Package: rfkill\nStatus: deinstall ok config-files\n\n\
             Package: wireless-regdb\nStatus: install ok installed\n",
        ),
        (
            "usr/share/X11/xkb/rules/base.lst",
            "! model\n  pc105  Generic\n\n! layout\n  us  English\n  gb  English (UK)\n  de  German\n\n! variant\n  \
             nodeadkeys  de: German\n  extd  gb: English (UK, extended, Windows)\n  \
             intl  gb: English (UK, intl.)\n\n! option\n  compose  Compose\n  compose:menu  Menu\n",
        ),
        ("usr/sbin/nft", "program"),
    ] {
        sandbox.write(&format!("root/{path}"), text);
    }
}

/// What Raspberry Pi OS trixie has beside that.
pub(super) fn raspios_trixie(sandbox: &Sandbox) {
    common(sandbox);
    let status = sandbox.read("root/var/lib/dpkg/status");
    let locales = "\nPackage: locales\nStatus: install ok installed\n";
    sandbox.write("root/var/lib/dpkg/status", &(status + locales));
    let generator = "root/usr/lib/systemd/system-generators";
    std::fs::create_dir_all(sandbox.path(generator)).unwrap();
    sandbox.write(&format!("{generator}/rpi-swap-generator"), "program");
    sandbox.write(
        "root/var/lib/NetworkManager/NetworkManager.state",
        "[main]\nWirelessEnabled=false\n",
    );
    for name in [
        "platform-3f300000.mmcnr:wlan",
        "platform-soc:wlan",
        "platform-3f215040.serial:bluetooth",
    ] {
        sandbox.write(&format!("root/var/lib/systemd/rfkill/{name}"), "1\n");
    }
    sandbox.write("root/etc/default/locale", "LANG=en_GB.UTF-8\n");
    sandbox.write("root/usr/lib/locale/locale-archive", "x\0en_GB.utf8\0y\0");
    sandbox.write(
        "root/usr/share/i18n/SUPPORTED",
        "en_GB.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\nde_DE ISO-8859-1\n",
    );
    sandbox.write(
        "root/etc/locale.gen",
        "# de_DE.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\n",
    );
    sandbox.write("root/usr/sbin/locale-gen", "program");
}

/// What Raspberry Pi OS bookworm has.
pub(super) fn raspios_bookworm(sandbox: &Sandbox) {
    common(sandbox);
    sandbox.write(
        "root/usr/lib/systemd/system/dphys-swapfile.service",
        "[Service]\n",
    );
}

/// Bakes `recipe` onto a base, with what the Pi's firmware reads on its FAT partition.
pub(super) fn bake(change: impl FnOnce(&Sandbox), recipe: &str) -> (Sandbox, Ended) {
    let sandbox = with_base_of(&ARM64, change);
    sandbox.write(
        "cmdline.txt",
        "console=serial0,115200 console=tty1 root=PARTUUID=0badcafe-02 rootwait quiet\n",
    );
    sandbox.write("config.txt", "# For more options see the documentation\ndtparam=audio=on\n\n[pi4]\narm_boost=1\n\n[all]\n");
    tool(
        &sandbox,
        "mcopy -i base.img@@4194304 cmdline.txt config.txt ::",
    )
    .success();
    sandbox.secret("secret", "three blind mice");
    sandbox.secret("hash", "$6$salt$0123456789012345678901234567890123456789");
    sandbox.write("my.yaml", recipe);
    let ended = build(&sandbox, "my.yaml");
    (sandbox, ended)
}

/// Bakes the recipe in a file onto the base that is there.
pub(super) fn build(sandbox: &Sandbox, recipe: &str) -> Ended {
    let recipe = format!("./{recipe}");
    sandbox.provision(&[
        "image", "--base", "base.img", "--broker", "broker", "--out", "pi.img", "--recipe", &recipe,
    ])
}

pub(super) fn on_fat(sandbox: &Sandbox, name: &str) -> String {
    tool(sandbox, &format!("mtype -i pi.img@@4194304 ::{name}"))
        .success()
        .stdout
}

/// What was refused, and what to do about it.
pub(super) fn refusal(ended: &Ended) -> String {
    let lines = ended.stderr.lines().map(str::trim_start);
    let lines = lines.filter(|line| line.starts_with("error:") || line.starts_with("hint:"));
    lines.map(|line| line.to_owned() + "\n").collect()
}

/// What was warned of.
pub(super) fn warnings(ended: &Ended) -> String {
    let lines = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning:"));
    lines.map(|line| line.to_owned() + "\n").collect()
}
