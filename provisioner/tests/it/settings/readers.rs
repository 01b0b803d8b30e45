//! Settings before the programs that read them on the Pi: NetworkManager, nft, sshd, apt, systemd.

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

fn render(sandbox: &Sandbox, recipe: &str) {
    fs::copy(ARM64.library(ARM64.loader), sandbox.path("broker")).unwrap();
    secret(sandbox, "secret", "three \\ blind; mice");
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

pub(super) fn secret(sandbox: &Sandbox, name: &str, text: &str) {
    sandbox.write(name, &format!("{text}\n"));
    fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(0o600)).unwrap();
}

/// A profile as NetworkManager understands it: read by its own library, and written anew.
fn understood(sandbox: &Sandbox, name: &str) -> String {
    let path = format!("card/etc/NetworkManager/system-connections/{name}.nmconnection");
    let read = format!("nmcli --offline connection modify connection.autoconnect true <{path}");
    let text = tool(sandbox, &read).success().stdout;
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("timestamp="));
    lines.map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn network_manager_understands_every_kind_of_wireless_network() {
    let sandbox = rendered(
        "system:
  wifi:
    country: GB
    networks:
      - {ssid: Café; 2, password-file: secret}
      - {ssid: sae, password-file: secret, security: wpa3, hidden: true}
      - {ssid: both, password-file: secret, security: wpa2-wpa3, priority: -5}
      - {ssid-hex: 00ff20, security: open}
      - {ssid: ' owe', security: owe}
",
    );
    let profiles: String = (1..=5)
        .map(|number| understood(&sandbox, &format!("wifi-{number}")) + "\n")
        .collect();
    insta::assert_snapshot!(profiles, @"");
}

#[test]
fn network_manager_understands_fixed_addresses() {
    let sandbox = rendered(
        "system:
  network:
    wired:
      method: static
      addresses: [192.168.1.20/24, 10.0.0.5/8, 'fd00::20/64']
      gateways: [192.168.1.1, 'fe80::1']
      dns: [192.168.1.1, 'fd00::1']
      search: [home.arpa, example.net]
",
    );
    insta::assert_snapshot!(understood(&sandbox, "wired"), @"");
}

#[test]
fn network_manager_understands_the_default() {
    insta::assert_snapshot!(understood(&rendered(""), "wired"), @"");
}

/// The ports that the kernel lets in when it has loaded the rules, as nft lists them.
fn ports(sandbox: &Sandbox) -> String {
    let script = "unshare --map-root-user --net sh -euc 'nft -c -f card/etc/provision/firewall.nft
        nft -f card/etc/provision/firewall.nft; nft -f card/etc/provision/firewall.nft; nft list ruleset' | grep tcp";
    let listed = tool(sandbox, script).success().stdout;
    listed.trim().to_owned()
}

#[test]
fn the_kernel_takes_the_firewalls_rules_for_what_listens_and_again_for_the_same() {
    let sandbox = rendered("");
    assert_eq!(ports(&sandbox), "tcp dport { 22, 8883 } accept");
    sandbox
        .provision(&["add-user", "fred", "--client-cert", "--generate"])
        .success();
    fs::remove_dir_all(sandbox.path("card")).unwrap();
    render(
        &sandbox,
        "system: {ssh: {port: 2222}}
broker:
  plain: lan
  extra: |
    listener 9001
    protocol metrics
    listener 9002 127.0.0.1
    listener 9003 localhost
",
    );
    assert_eq!(
        ports(&sandbox),
        "tcp dport { 1883, 2222, 8883, 8884, 9001 } accept"
    );
}

#[test]
fn only_what_listens_comes_through_the_firewall() {
    let sandbox = rendered("");
    // Two machines on a cable: this one with the rules, the other one knocks.
    let script = r#"unshare --map-root-user --net --mount --fork --kill-child sh -euc '
        unshare --net --fork --kill-child sleep 60 & other=$!
        for try in $(seq 50); do
            inner=$(cat /proc/$other/task/$other/children 2>/dev/null || true)
            test -n "$inner" && break; sleep 0.1
        done
        set -- $inner; peer=$1
        ip link add a type veth peer name b netns "$peer"
        ip addr add 10.9.9.1/24 dev a; ip link set a up; ip link set lo up
        nsenter -t "$peer" -n sh -euc "ip addr add 10.9.9.2/24 dev b; ip link set b up"
        nft -f card/etc/provision/firewall.nft
        for port in 22 1883 8883; do
            python3 -c "
import socket, sys
s = socket.create_server((str(), int(sys.argv[1]))); print(\"ready\", flush=True)
while True: s.accept()[0].sendall(b\"in\")" $port >ready-$port & 
        done
        for port in 22 1883 8883; do
            for try in $(seq 100); do grep -q ready ready-$port && break; sleep 0.1; done
        done
        for port in 22 1883 8883; do
            printf "%s " "$port"
            nsenter -t "$peer" -n python3 -c "
import socket, sys
try: print(socket.create_connection((\"10.9.9.1\", int(sys.argv[1])), 4).recv(9).decode())
except TimeoutError: print(\"dropped\")" $port
        done
        nsenter -t "$peer" -n ping -c 1 -W 5 10.9.9.1 >/dev/null && echo ping in
        nft delete table inet provision
        printf "without rules: 1883 "
        nsenter -t "$peer" -n python3 -c "
import socket
print(socket.create_connection((\"10.9.9.1\", 1883), 20).recv(9).decode())"
    '"#;
    insta::assert_snapshot!(tool(&sandbox, script).success().stdout, @"");
}

/// What sshd makes of the card's settings, as far as these are concerned.
fn sshd(sandbox: &Sandbox) -> String {
    let script = "ssh-keygen -q -t ed25519 -N '' -f key
        unshare --map-root-user --mount sh -euc 'mount -t tmpfs none /run; mkdir /run/sshd
            sshd -T -h \"$PWD/key\" -f card/etc/ssh/sshd_config.d/10-provision.conf' |
            grep -E '^(port|passwordauthentication|kbdinteractiveauthentication|permitrootlogin) '; rm key key.pub";
    tool(sandbox, script).success().stdout
}

#[test]
fn sshd_takes_keys_alone_unless_the_recipe_says_otherwise() {
    let sandbox = rendered("");
    insta::assert_snapshot!(sshd(&sandbox), @"");
    fs::remove_dir_all(sandbox.path("card")).unwrap();
    secret(
        &sandbox,
        "hash",
        "$6$salt$0123456789012345678901234567890123456789",
    );
    render(
        &sandbox,
        "system: {login: {password-file: hash}, ssh: {password-login: true, port: 2222}}\n",
    );
    insta::assert_snapshot!(sshd(&sandbox), @"");
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
        APT_CONFIG=$PWD/all apt-config dump | grep -E '^(Unattended|APT::Periodic|Dpkg::Options)'";
    insta::assert_snapshot!(tool(&sandbox, script).success().stdout, @"");
}

#[test]
fn without_updates_apt_is_left_alone() {
    let sandbox = rendered("system: {upgrades: none}\n");
    assert!(!sandbox.path("card/etc/apt").exists());
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let sandbox = rendered("system: {locale: de_DE.UTF-8}\n");
    // The programs are on the Pi: here each is one that exists.
    let script = "mkdir units
        for unit in card/etc/systemd/system/provision-*.service; do
            sed -E 's,^(Exec[A-Za-z]*=)[^ ]+,\\1/bin/true,' \"$unit\" >\"units/${unit##*/}\"
        done
        ls units; systemd-analyze verify --man=no units/*.service";
    let ended = tool(&sandbox, script).success();
    insta::assert_snapshot!(ended.shown(), @"");
}

#[test]
fn systemd_reads_the_drop_ins() {
    let sandbox = rendered(
        "system: {ntp: {servers: [ntp.example.net, 192.0.2.1]}, journal: {storage: volatile, max-size: 16M}}\n",
    );
    // Shown as systemd merges them.
    let script = "for file in timesyncd journald; do
            systemd-analyze cat-config --root \"$PWD/card\" --no-pager systemd/$file.conf | grep -v '^#'; done";
    insta::assert_snapshot!(tool(&sandbox, script).success().stdout, @"");
}

#[test]
fn the_cable_can_be_switched_off() {
    let sandbox = rendered(
        "system: {wifi: {country: GB, networks: [{ssid: a, password-file: secret}]}, network: {wired: {method: off}}}\n",
    );
    assert!(
        !sandbox
            .path("card/etc/NetworkManager/system-connections/wired.nmconnection")
            .exists()
    );
    let script = "NetworkManager --print-config --config-dir card/etc/NetworkManager/conf.d --config /dev/null \
        --system-config-dir /nowhere --no-auto-default /dev/null --intern-config /dev/null 2>&1 | grep -A1 '^.keyfile'";
    insta::assert_snapshot!(tool(&sandbox, script).success().stdout, @"");
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
    secret(&sandbox, "secret", "short");
    attempt();
    secret(&sandbox, "secret", "hunter2hunter2\nanother");
    attempt();
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown, @"");
}
