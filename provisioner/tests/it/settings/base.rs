//! Settings on bases that have, and have not, what they need.

use crate::bake::{clean, debugfs};
use crate::support::{Sandbox, tool};

use super::bases::{
    bake, build, common, on_fat, raspios_bookworm, raspios_trixie, refusal, warnings,
};

pub(super) const ALL: &str = "free: 1M
system:
  login: {name: maria, sudo: password, password-file: hash}
  wifi: {country: GB, networks: [{ssid: home, password-file: secret}]}
  timezone: Europe/Berlin
  keyboard: {layout: de, variant: nodeadkeys, options: compose:menu}
  locale: en_GB.UTF-8
  upgrades: none
  packages: [console-setup, keyboard-configuration]
  config-txt: [dtparam=audio=off, '[pi4]', arm_boost=0]
  cmdline: {add: [panic=10], remove: [quiet]}
";

#[test]
fn raspberry_pi_os_trixie_has_every_setting_where_it_looks_for_it() {
    let (sandbox, ended) = bake(raspios_trixie, ALL);
    let ended = ended.success();
    clean(&sandbox);
    insta::assert_snapshot!(warnings(&ended), @"warning: the base lacks console-setup, keyboard-configuration, rfkill: the Pi installs what is missing once it is in the Internet");
    insta::assert_snapshot!(on_fat(&sandbox, "cmdline.txt"), @"console=serial0,115200 console=tty1 root=PARTUUID=0badcafe-02 rootwait cfg80211.ieee80211_regdom=GB panic=10");
    insta::assert_snapshot!(on_fat(&sandbox, "config.txt"), @r"
    # For more options see the documentation
    dtparam=audio=off

    [pi4]
    arm_boost=0

    [all]
    ");
    let mut shown = String::new();
    for path in [
        "/etc/fstab",
        "/etc/default/locale",
        "/etc/default/keyboard",
        "/etc/timezone",
        "/etc/rpi/swap.conf.d/50-provision.conf",
        "/var/lib/NetworkManager/NetworkManager.state",
        "/var/lib/systemd/rfkill/platform-3f300000.mmcnr:wlan",
        "/var/lib/systemd/rfkill/platform-fe300000.mmcnr:wlan",
        "/var/lib/systemd/rfkill/platform-soc:wlan",
        "/var/lib/systemd/rfkill/platform-3f215040.serial:bluetooth",
        "/etc/modprobe.d/provision-wifi-country.conf",
        "/etc/provision/packages",
        "/etc/NetworkManager/system-connections/wifi-1.nmconnection",
    ] {
        shown.extend([
            "== ",
            path,
            "\n",
            &debugfs(&sandbox, &format!("cat {path}")),
        ]);
    }
    insta::assert_snapshot!(shown, @r#"
    == /etc/fstab
    proc            /proc           proc    defaults          0       0
    PARTUUID=0badcafe-01  /boot/firmware  vfat    defaults          0       2
    PARTUUID=0badcafe-02  /               ext4    defaults,noatime,commit=60  0       1
    == /etc/default/locale
    LANG=en_GB.UTF-8
    == /etc/default/keyboard
    # See keyboard(5). Made by provision.
    XKBMODEL="pc105"
    XKBLAYOUT="de"
    XKBVARIANT="nodeadkeys"
    XKBOPTIONS="compose:menu"
    BACKSPACE="guess"
    == /etc/timezone
    Europe/Berlin
    == /etc/rpi/swap.conf.d/50-provision.conf
    # Made by provision from its recipe.
    [Main]
    Mechanism=zram
    == /var/lib/NetworkManager/NetworkManager.state
    [main]
    WirelessEnabled=true
    == /var/lib/systemd/rfkill/platform-3f300000.mmcnr:wlan
    0
    == /var/lib/systemd/rfkill/platform-fe300000.mmcnr:wlan
    0
    == /var/lib/systemd/rfkill/platform-soc:wlan
    0
    == /var/lib/systemd/rfkill/platform-3f215040.serial:bluetooth
    1
    == /etc/modprobe.d/provision-wifi-country.conf
    # Where the Pi is: which channels may be used. Made by provision.
    options cfg80211 ieee80211_regdom=GB
    == /etc/provision/packages
    console-setup
    keyboard-configuration
    rfkill
    == /etc/NetworkManager/system-connections/wifi-1.nmconnection
    # Made by provision from its recipe.
    [connection]
    id=home
    uuid=75438f3d-2651-559c-8002-0b8c64ce703f
    type=wifi
    autoconnect-priority=1

    [wifi]
    mode=infrastructure
    ssid=home
    powersave=2

    [wifi-security]
    key-mgmt=wpa-psk
    psk=f9a352a155835002a5b7bb2167d8e2ea84e1301fb7c08aea34d2e4f4305c2350

    [ipv4]
    method=auto

    [ipv6]
    method=auto
    addr-gen-mode=default
    "#);
}

#[test]
fn the_login_user_has_the_password_and_the_rights_that_the_recipe_says() {
    let (sandbox, ended) = bake(raspios_trixie, ALL);
    ended.success();
    let stat = debugfs(
        &sandbox,
        "stat /etc/NetworkManager/system-connections/wifi-1.nmconnection",
    );
    assert!(
        stat.contains("Mode:  0600") && stat.contains("User:     0   Group:     0"),
        "{stat}"
    );
    assert!(
        debugfs(&sandbox, "cat /etc/shadow").contains("maria:$6$salt$"),
        "no password"
    );
    assert!(
        debugfs(&sandbox, "cat /etc/group").contains("sudo:x:27:maria"),
        "not in sudo"
    );
    assert!(
        !debugfs(&sandbox, "ls /etc/sudoers.d").contains("nopasswd"),
        "sudo without a password"
    );
}

#[test]
fn nothing_secret_of_the_settings_is_on_fat_or_in_what_is_said() {
    let (sandbox, ended) = bake(raspios_trixie, ALL);
    let shown = ended.success().shown();
    let key = debugfs(
        &sandbox,
        "cat /etc/NetworkManager/system-connections/wifi-1.nmconnection",
    );
    let key = key
        .lines()
        .find_map(|line| line.strip_prefix("psk="))
        .unwrap()
        .to_owned();
    for secret in ["three blind mice", "$6$salt$", &key] {
        assert!(!shown.contains(secret), "{shown}");
        let script = format!(
            "dd if=pi.img of=boot.img bs=4M skip=1 count=8 status=none; ! grep -qaF '{secret}' boot.img"
        );
        tool(&sandbox, &script).success();
    }
}

#[test]
fn raspberry_pi_os_bookworm_swaps_no_longer_onto_its_card() {
    let (sandbox, ended) = bake(raspios_bookworm, "free: 1M\nsystem: {upgrades: none}\n");
    ended.success();
    clean(&sandbox);
    let stat = debugfs(&sandbox, "stat /etc/systemd/system/dphys-swapfile.service");
    assert!(stat.contains("Fast link dest: \"/dev/null\""), "{stat}");
    let (sandbox, ended) = bake(
        raspios_bookworm,
        "free: 1M\nsystem: {upgrades: none, sd-card: {swap: keep}}\n",
    );
    ended.success();
    assert_eq!(
        debugfs(&sandbox, "stat /etc/systemd/system/dphys-swapfile.service"),
        ""
    );
    assert_eq!(
        debugfs(
            &sandbox,
            "stat /etc/systemd/system/swap.target.wants/provision-zram.service"
        ),
        ""
    );
}

#[test]
fn what_the_base_lacks_is_installed_later_and_said() {
    let without_nft = |sandbox: &Sandbox| {
        common(sandbox);
        std::fs::remove_file(sandbox.path("root/usr/sbin/nft")).unwrap();
        sandbox.write("root/var/lib/dpkg/status", "");
        std::fs::create_dir_all(sandbox.path("root/etc/kernel/postinst.d")).unwrap();
        sandbox.write("root/etc/kernel/postinst.d/z50-raspi-firmware", "hook");
        sandbox.write("root/etc/default/raspi-extra-cmdline", "rootfstype=ext4\n");
        std::os::unix::fs::symlink("../locale.conf", sandbox.path("root/etc/default/locale"))
            .unwrap();
    };
    let recipe = "free: 1M\nsystem: {locale: de_DE.UTF-8, wifi: {country: GB}, packages: [vim]}\n";
    let (sandbox, ended) = bake(without_nft, recipe);
    let ended = ended.success();
    clean(&sandbox);
    insta::assert_snapshot!(warnings(&ended), @r"
    warning: the base can't make de_DE.UTF-8: the Pi does once it has a network and the package locales
    warning: the base lacks locales, nftables, rfkill, unattended-upgrades, vim, wireless-regdb, wpasupplicant: the Pi installs what is missing once it is in the Internet
    warning: until then there is no firewall, since nftables is among it
    ");
    insta::assert_snapshot!(debugfs(&sandbox, "cat /etc/provision/packages"), @r"
    locales
    nftables
    rfkill
    unattended-upgrades
    wireless-regdb
    wpasupplicant
    ");
    assert_eq!(
        debugfs(&sandbox, "cat /etc/provision/further-packages"),
        "vim\n"
    );
    assert_eq!(
        debugfs(&sandbox, "cat /etc/locale.conf"),
        "LANG=de_DE.UTF-8\n"
    );
    assert_eq!(
        debugfs(&sandbox, "cat /etc/locale.gen"),
        "de_DE.UTF-8 UTF-8\n"
    );
    // What Debian's kernel updates write the command line from.
    assert_eq!(
        debugfs(&sandbox, "cat /etc/default/raspi-extra-cmdline"),
        "rootfstype=ext4 cfg80211.ieee80211_regdom=GB\n"
    );
    let stat = debugfs(&sandbox, "stat /etc/default/locale");
    assert!(
        stat.contains("Fast link dest: \"../locale.conf\""),
        "{stat}"
    );
}

#[test]
fn a_language_that_the_base_knows_but_has_not_made_is_made_on_the_pi() {
    let (sandbox, ended) = bake(
        raspios_trixie,
        "free: 1M\nsystem: {locale: de_DE.UTF-8, upgrades: none}\n",
    );
    insta::assert_snapshot!(warnings(&ended.success()), @"warning: the base has not made de_DE.UTF-8 yet: the Pi makes it at its first start, within a minute or two");
    assert_eq!(
        debugfs(&sandbox, "cat /etc/locale.gen"),
        "de_DE.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\n"
    );
    assert_eq!(
        debugfs(&sandbox, "cat /etc/provision/locale"),
        "de_DE.UTF-8\n"
    );
    let link = debugfs(
        &sandbox,
        "stat /etc/systemd/system/multi-user.target.wants/provision-locale.service",
    );
    assert!(link.contains("symlink"), "{link}");
}

#[test]
fn a_language_that_stands_in_the_archive_that_localedef_has_made_is_there() {
    let archived = |sandbox: &Sandbox| {
        raspios_trixie(sandbox);
        std::fs::remove_file(sandbox.path("root/usr/lib/locale/locale-archive")).unwrap();
        tool(
            sandbox,
            "localedef --prefix $PWD/root -i de_DE -f UTF-8 de_DE.UTF-8",
        )
        .success();
    };
    for (locale, there) in [("de_DE.UTF-8", true), ("en_GB.UTF-8", false)] {
        let recipe = format!("free: 1M\nsystem: {{locale: {locale}, upgrades: none}}\n");
        let (_, ended) = bake(archived, &recipe);
        let warned = warnings(&ended.success());
        assert_eq!(warned.is_empty(), there, "{locale}: {warned}");
    }
}

#[test]
fn a_file_that_is_to_be_changed_and_is_not_utf_8_is_refused_and_not_garbled() {
    let latin1 = |sandbox: &Sandbox| {
        raspios_trixie(sandbox);
        tool(sandbox, r"printf '# f\374r /\n' >>root/etc/fstab").success();
    };
    let (sandbox, ended) = bake(latin1, "free: 1M\n");
    assert_eq!(ended.code, 2, "{}", ended.shown());
    assert!(!sandbox.path("pi.img").exists());
    insta::assert_snapshot!(refusal(&ended), @r"
    error: /etc/fstab in the base is not UTF-8: invalid utf-8 sequence of 1 bytes from index 219
    hint: take another copy of the base, this one is damaged
    ");
}

#[test]
fn what_the_base_does_not_know_is_refused_and_nothing_is_written() {
    let mut shown = String::new();
    for setting in [
        "keyboard: {layout: dee}",
        "keyboard: {layout: de, variant: nodeadkey}",
        "keyboard: {layout: de, variant: extd}",
        "keyboard: {layout: gb, variant: dvorak}",
        "keyboard: {layout: us, variant: intl}",
        "keyboard: {layout: 'us,gb', variant: ',nodeadkeys'}",
        "keyboard: {layout: de, variant: 'nodeadkeys,extd'}",
        "keyboard: {layout: de, options: compose:menue}",
        "locale: de_AT.UTF-8",
        "timezone: Europe/Berlyn",
    ] {
        let (sandbox, ended) = bake(
            raspios_trixie,
            &format!("free: 1M\nsystem: {{{setting}}}\n"),
        );
        assert_eq!(ended.code, 2, "{}", ended.shown());
        assert!(!sandbox.path("pi.img").exists());
        shown += &refusal(&ended);
    }
    let without = |sandbox: &Sandbox| {
        common(sandbox);
        std::fs::remove_file(sandbox.path("root/usr/sbin/NetworkManager")).unwrap();
    };
    let (_, ended) = bake(without, "free: 1M\nsystem: {wifi: {country: GB}}\n");
    shown += &refusal(&ended);
    insta::assert_snapshot!(shown, @r"
    error: system.keyboard.layout: the base has no dee
    hint: did you mean de?
    error: system.keyboard.variant: the base has no nodeadkey for de
    hint: did you mean nodeadkeys?
    error: system.keyboard.variant: the base has no extd for de
    hint: those of de are nodeadkeys
    error: system.keyboard.variant: the base has no dvorak for gb
    hint: those of gb are extd, intl
    error: system.keyboard.variant: the base has no intl for us
    hint: us has no variants
    error: system.keyboard.variant: the base has no nodeadkeys for gb
    hint: those of gb are extd, intl
    error: system.keyboard.variant: there are more variants than layouts
    error: system.keyboard.options: the base has no compose:menue
    hint: did you mean compose:menu?
    error: system.locale: the base has no de_AT.UTF-8
    hint: did you mean de_DE.UTF-8?
    error: system.timezone: the base has no time zone Europe/Berlyn
    hint: names are as in Europe/London or Etc/UTC
    error: the base has no NetworkManager, which `system.wifi` and `system.network` are set with
    hint: use Raspberry Pi OS bookworm or newer, or the base `debian`
    ");
}

#[test]
fn a_host_name_needs_a_certificate_that_is_good_for_it() {
    let recipe = "free: 1M\nsystem: {hostname: cellar, upgrades: none}\n";
    let (sandbox, ended) = bake(common, recipe);
    insta::assert_snapshot!(refusal(&ended), @r"
    error: system.hostname: the certificate of broker is not good for cellar.local
    hint: add cellar.local to the `san` of broker in site.yaml, or leave `hostname` out
    ");
    sandbox
        .provision(&["init", "--host", "broker", "--san", "cellar.local"])
        .success();
    let ended = build(&sandbox, "my.yaml").success();
    assert_eq!(debugfs(&sandbox, "cat /etc/hostname"), "cellar\n");
    assert!(debugfs(&sandbox, "cat /etc/hosts").contains("127.0.1.1\tcellar\n"));
    assert!(ended.stderr.contains("pi@cellar.local"), "{}", ended.stderr);
}

#[test]
fn the_same_settings_make_the_same_card() {
    let (one, ended) = bake(raspios_trixie, ALL);
    ended.success();
    let copy = tool(&one, "sha256sum <pi.img").stdout;
    build(&one, "my.yaml").success();
    assert_eq!(tool(&one, "sha256sum <pi.img").stdout, copy);
}
