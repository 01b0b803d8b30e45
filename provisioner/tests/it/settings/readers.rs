//! Settings before the programs that read them on the Pi: sshd, apt, systemd.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::kinds::ARM64;
use crate::support::{Sandbox, tool};

/// A sandbox with a site, a broker, and `card`, the folder that `recipe` comes to.
pub(super) fn rendered(recipe: &str) -> Sandbox {
    let sandbox = Sandbox::with_site();
    render(&sandbox, recipe);
    sandbox
}

pub(super) fn render(sandbox: &Sandbox, recipe: &str) {
    fs::copy(ARM64.library(ARM64.loader), sandbox.path("broker")).unwrap();
    sandbox.secret("secret", "three \\ blind; mice");
    sandbox.write("my.yaml", recipe);
    let args = [
        "render",
        "card",
        "--recipe",
        "./my.yaml",
        "--broker",
        "broker",
    ];
    sandbox.provision(&args).success();
}

/// What sshd makes of the card's settings, as far as these are concerned.
fn sshd(sandbox: &Sandbox) -> String {
    let script = "ssh-keygen -q -t ed25519 -N '' -f key
        unshare --map-root-user --mount sh -euc 'mount -t tmpfs none /run; mkdir /run/sshd
            sshd -T -h \"$PWD/key\" -f card/etc/ssh/sshd_config.d/00-provision.conf' |
            grep -E '^(port|passwordauthentication|kbdinteractiveauthentication|permitrootlogin) '; rm key key.pub";
    tool(sandbox, script).success().stdout
}

#[test]
fn sshd_takes_keys_alone_unless_the_recipe_says_otherwise() {
    let sandbox = rendered("");
    insta::assert_snapshot!(sshd(&sandbox), @r"
    port 22
    permitrootlogin no
    passwordauthentication no
    kbdinteractiveauthentication no
    ");
    fs::remove_dir_all(sandbox.path("card")).unwrap();
    sandbox.secret("hash", "$6$salt$0123456789012345678901234567890123456789");
    render(
        &sandbox,
        "system: {login: {password-file: hash}, ssh: {password-login: true, port: 2222}}\n",
    );
    insta::assert_snapshot!(sshd(&sandbox), @r"
    port 2222
    permitrootlogin no
    passwordauthentication yes
    kbdinteractiveauthentication no
    ");
}

#[test]
fn apt_reads_which_updates_are_installed() {
    let sandbox = rendered("");
    // unattended-upgrades' own list comes first, and is replaced.
    sandbox.write(
        "theirs",
        "Unattended-Upgrade::Origins-Pattern { \"origin=Everything\"; };\n",
    );
    let script = "for file in theirs card/etc/apt/apt.conf.d/*; do cat \"$file\"; done >all
        APT_CONFIG=$PWD/all apt-config dump | grep -iE '^(Unattended|APT::Periodic|Dpkg::Options)'";
    insta::assert_snapshot!(tool(&sandbox, script).success().stdout, @r#"
    APT::Periodic "";
    APT::Periodic::Update-Package-Lists "1";
    APT::Periodic::Unattended-Upgrade "1";
    APT::Periodic::AutocleanInterval "7";
    DPkg::Options "";
    DPkg::Options:: "--force-confdef";
    DPkg::Options:: "--force-confold";
    Unattended-Upgrade "";
    Unattended-Upgrade::Origins-Pattern "";
    Unattended-Upgrade::Origins-Pattern:: "origin=Debian,codename=${distro_codename}-security,label=Debian-Security";
    Unattended-Upgrade::Origins-Pattern:: "origin=Raspbian,codename=${distro_codename},label=Raspbian";
    Unattended-Upgrade::Origins-Pattern:: "origin=Raspberry Pi Foundation,codename=${distro_codename},label=Raspberry Pi Foundation";
    Unattended-Upgrade::Automatic-Reboot "false";
    "#);
}

#[test]
fn without_updates_apt_is_left_alone() {
    let sandbox = rendered("system: {upgrades: none}\n");
    assert!(!sandbox.path("card/etc/apt").exists());
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let sandbox = rendered("system: {locale: de_DE.UTF-8}\n");
    // The programs are on the Pi: here each is one that exists. /tmp in memory, as trixie has it, is started with
    // them: it waits for swap, and local file systems wait for it.
    let script = "mkdir -p units/local-fs.target.wants
        for unit in card/etc/systemd/system/provision-*.service; do
            sed -E 's,^(Exec[A-Za-z]*=)[^ ]+,\\1/bin/true,' \"$unit\" >\"units/${unit##*/}\"
        done
        ls units/*.service
        printf '%s\n' '[Unit]' DefaultDependencies=no 'Conflicts=umount.target' \
            'Before=local-fs.target umount.target' After=swap.target \
            '[Mount]' What=tmpfs Where=/tmp Type=tmpfs >units/tmp.mount
        ln -s ../tmp.mount units/local-fs.target.wants/
        printf '%s\n' '[Unit]' \"Wants=sysinit.target local-fs.target swap.target tmp.mount $(cd units; echo *.service)\" \
            >units/all.target
        SYSTEMD_UNIT_PATH=$PWD/units: systemd-analyze verify --man=no units/*.service units/all.target";
    let ended = tool(&sandbox, script).success();
    insta::assert_snapshot!(ended.shown(), @r"
    exit: 0
    --- stdout
    units/provision-firewall.service
    units/provision-locale.service
    units/provision-packages.service
    units/provision-zram.service
    --- stderr
    ");
}

#[test]
fn systemd_reads_the_drop_ins() {
    let sandbox = rendered(
        "system: {ntp: {servers: [ntp.example.net, 192.0.2.1]}, journal: {storage: volatile, max-size: 16M}}\n",
    );
    // Shown as systemd merges them.
    let script = "for file in timesyncd journald; do
            systemd-analyze cat-config --root \"$PWD/card\" --no-pager systemd/$file.conf | grep -v '^#'; done";
    insta::assert_snapshot!(tool(&sandbox, script).success().stdout, @r"
    [Time]
    NTP=ntp.example.net 192.0.2.1
    [Journal]
    Audit=no

    [Journal]
    Storage=volatile
    RuntimeMaxUse=16777216
    ");
}

#[test]
fn secrets_that_others_can_read_or_that_are_none_are_refused_before_anything_is_written() {
    let sandbox = Sandbox::with_site();
    fs::copy(ARM64.library(ARM64.loader), sandbox.path("broker")).unwrap();
    let recipe = "system: {wifi: {country: GB, networks: [{ssid: a, password-file: secret}]}}\n";
    sandbox.write("my.yaml", recipe);
    let mut shown = String::new();
    let mut attempt = || {
        let args = [
            "render",
            "card",
            "--recipe",
            "./my.yaml",
            "--broker",
            "broker",
        ];
        let ended = sandbox.provision(&args);
        assert!(!sandbox.path("card").exists());
        shown += &ended.shown();
    };
    attempt();
    sandbox.write("secret", "hunter2hunter2\n");
    fs::set_permissions(sandbox.path("secret"), fs::Permissions::from_mode(0o644)).unwrap();
    attempt();
    sandbox.secret("secret", "short");
    attempt();
    sandbox.secret("secret", "hunter2hunter2\nanother");
    attempt();
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown, @r"
    exit: 2
    --- stdout
    --- stderr
    error: system.wifi.networks[0].password-file: [HERE]/./secret can't be read: No such file or directory (os error 2)
    exit: 2
    --- stdout
    --- stderr
    error: system.wifi.networks[0].password-file: others can read [HERE]/./secret (mode 0644)
      hint: `chmod 600 [HERE]/./secret`
    exit: 2
    --- stdout
    --- stderr
    error: system.wifi.networks[0]: a password has 8 to 63 characters of ASCII
    exit: 2
    --- stdout
    --- stderr
    error: system.wifi.networks[0].password-file: [HERE]/./secret has not exactly one line
    ");
}
