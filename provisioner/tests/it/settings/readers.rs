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
    insta::assert_snapshot!(profiles, @r"
    [connection]
    id=Café; 2
    uuid=a3f9ef11-ebac-510e-8234-ded265480e25
    type=wifi
    autoconnect-priority=5
    [wifi]
    mode=infrastructure
    powersave=2
    ssid=67;97;102;195;169;59;32;50;
    [wifi-security]
    key-mgmt=wpa-psk
    psk=e7428d55ea7c0ba5aded2e55871ca337c88f8806475393bc8c88243e60ae9e43
    [ipv4]
    method=auto
    [ipv6]
    addr-gen-mode=default
    method=auto
    [proxy]

    [connection]
    id=sae
    uuid=3b1ad181-356b-517a-8049-5a2906409718
    type=wifi
    autoconnect-priority=4
    [wifi]
    hidden=true
    mode=infrastructure
    powersave=2
    ssid=sae
    [wifi-security]
    key-mgmt=sae
    psk=three \\ blind; mice
    [ipv4]
    method=auto
    [ipv6]
    addr-gen-mode=default
    method=auto
    [proxy]

    [connection]
    id=both
    uuid=e960bdaf-1bfa-55b0-b77f-ce29b4bed082
    type=wifi
    autoconnect-priority=-5
    [wifi]
    mode=infrastructure
    powersave=2
    ssid=both
    [wifi-security]
    key-mgmt=wpa-psk
    psk=three \\ blind; mice
    [ipv4]
    method=auto
    [ipv6]
    addr-gen-mode=default
    method=auto
    [proxy]

    [connection]
    id=00ff20
    uuid=97bfcf77-e6ad-51f5-b6a8-d5e953372b33
    type=wifi
    autoconnect-priority=2
    [wifi]
    mode=infrastructure
    powersave=2
    ssid=0;255;32;
    [ipv4]
    method=auto
    [ipv6]
    addr-gen-mode=default
    method=auto
    [proxy]

    [connection]
    id=206f7765
    uuid=861d9b7d-f617-5411-b43d-9dd2e5956de4
    type=wifi
    autoconnect-priority=1
    [wifi]
    mode=infrastructure
    powersave=2
    ssid=\sowe
    [wifi-security]
    key-mgmt=owe
    [ipv4]
    method=auto
    [ipv6]
    addr-gen-mode=default
    method=auto
    [proxy]
    ");
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
    insta::assert_snapshot!(understood(&sandbox, "wired"), @r"
    [connection]
    id=wired
    uuid=c5624a05-3d8a-575e-a4b5-5c5c55a1a797
    type=ethernet
    autoconnect-priority=-100
    [ethernet]
    [ipv4]
    address1=192.168.1.20/24,192.168.1.1
    address2=10.0.0.5/8
    dns=192.168.1.1;
    dns-search=home.arpa;example.net;
    method=manual
    [ipv6]
    addr-gen-mode=default
    address1=fd00::20/64,fe80::1
    dns=fd00::1;
    dns-search=home.arpa;example.net;
    method=manual
    [proxy]
    ");
}

#[test]
fn network_manager_understands_the_default() {
    insta::assert_snapshot!(understood(&rendered(""), "wired"), @r"
    [connection]
    id=wired
    uuid=c5624a05-3d8a-575e-a4b5-5c5c55a1a797
    type=ethernet
    autoconnect-priority=-100
    multi-connect=3
    [ethernet]
    [ipv4]
    method=auto
    [ipv6]
    addr-gen-mode=default
    method=auto
    [proxy]
    ");
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

/// Two machines on a cable, one with the rules: what the other one gets through, and what when they are gone.
const KNOCK: &str = r#"
import os, socket, subprocess, threading, time

def run(*words):
    subprocess.run(words, check=True)

# It lives as long as this program.
other = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
here, until = os.readlink("/proc/self/ns/net"), time.monotonic() + 30
while os.readlink(f"/proc/{other.pid}/ns/net") == here:
    assert time.monotonic() < until, "no second network"
    time.sleep(0.05)
there = ["nsenter", "-t", str(other.pid), "-n"]
run("ip", "link", "add", "here0", "type", "veth", "peer", "name", "there0", "netns", str(other.pid))
for place, name, address in ([], "here0", "10.9.9.1/24"), (there, "there0", "10.9.9.2/24"):
    run(*place, "ip", "address", "add", address, "dev", name)
    run(*place, "ip", "link", "set", name, "up")

def tcp(port):
    server = socket.create_server(("", port))
    def serve():
        while True:
            server.accept()[0].sendall(b"in")
    threading.Thread(target=serve, daemon=True).start()

def udp(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("", port))
    def serve():
        while True:
            server.sendto(b"in", server.recvfrom(9)[1])
    threading.Thread(target=serve, daemon=True).start()

KNOCKS = """
import socket, sys
kind, port = sys.argv[1], int(sys.argv[2])
types = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "icmp": socket.SOCK_RAW}
peer = socket.socket(socket.AF_INET, types[kind], socket.IPPROTO_ICMP if kind == "icmp" else 0)
peer.settimeout(4)
try:
    peer.connect(("10.9.9.1", port))
    if kind == "udp": peer.send(b"me")
    if kind == "icmp":
        # A request for an echo, with its checksum: what comes back is an answer behind 20 bytes of IP.
        peer.send(bytes([port, 0, 0xf7, 0xff, 0, 0, 0, 0]))
        assert peer.recv(99)[20] == 0
        print(kind, port, "in")
        sys.exit()
    print(kind, port, peer.recv(9).decode())
except TimeoutError:
    print(kind, port, "dropped")
"""

def knock(kind, port):
    run(*there, "python3", "-c", KNOCKS, kind, str(port))

for port in 22, 1883, 8883: tcp(port)
for port in 53, 5353: udp(port)
run("nft", "-f", "card/etc/provision/firewall.nft")
for port in 22, 1883, 8883: knock("tcp", port)
for port in 53, 5353: knock("udp", port)
knock("icmp", 8)
run("nft", "delete", "table", "inet", "provision")
print("without the rules:", flush=True)
knock("tcp", 1883)
knock("udp", 53)
other.kill()
"#;

#[test]
fn only_what_listens_comes_through_the_firewall() {
    let sandbox = rendered("");
    sandbox.write("knock.py", KNOCK);
    let script = "unshare --map-root-user --net python3 -u knock.py";
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
    insta::assert_snapshot!(sshd(&sandbox), @r"
    port 22
    permitrootlogin no
    passwordauthentication no
    kbdinteractiveauthentication no
    ");
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
    // The programs are on the Pi: here each is one that exists.
    let script = "mkdir units
        for unit in card/etc/systemd/system/provision-*.service; do
            sed -E 's,^(Exec[A-Za-z]*=)[^ ]+,\\1/bin/true,' \"$unit\" >\"units/${unit##*/}\"
        done
        ls units; systemd-analyze verify --man=no units/*.service";
    let ended = tool(&sandbox, script).success();
    insta::assert_snapshot!(ended.shown(), @r"
    exit: 0
    --- stdout
    provision-firewall.service
    provision-locale.service
    provision-packages.service
    provision-zram.service
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
fn the_cable_can_be_switched_off() {
    let sandbox = rendered(
        "system: {wifi: {country: GB, networks: [{ssid: a, password-file: secret}]}, network: {wired: {method: off}}}\n",
    );
    assert!(
        !sandbox
            .path("card/etc/NetworkManager/system-connections/wired.nmconnection")
            .exists()
    );
    let script = ": >empty; NetworkManager --print-config --config $PWD/empty --config-dir $PWD/card/etc/NetworkManager/conf.d \
        --system-config-dir /nowhere --intern-config $PWD/empty | grep -A1 '^.keyfile'";
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
