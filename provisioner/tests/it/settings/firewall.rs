//! The firewall's rules, loaded by nft into a network that ends with the test.

use std::fs;

use super::readers::{render, rendered};
use crate::support::{Sandbox, tool};

/// Loads the rules, as on a card: with what is rendered where it lies on the Pi.
const LOAD: &str = "mount --bind card/etc /etc && mount --bind card/usr/local /usr/local && nft -c -f /etc/provision/firewall-with-ports.nft && nft -f /etc/provision/firewall-with-ports.nft";

/// What the kernel lets in when it has loaded the rules, twice, as nft lists them.
fn ports(sandbox: &Sandbox) -> String {
    let script = format!(
        "unshare --map-root-user --net --mount sh -euc '{LOAD}
        nft -f /etc/provision/firewall-with-ports.nft; nft list ruleset' | grep -E 'tcp dport|elements' | sed 's/^[[:space:]]*//'"
    );
    tool(sandbox, &script).success().stdout
}

#[test]
fn the_kernel_takes_the_firewalls_rules_for_what_listens_and_again_for_the_same() {
    let sandbox = rendered("");
    insta::assert_snapshot!(ports(&sandbox), @r"
    elements = { 8883 }
    tcp dport 22 accept
    tcp dport @mqtt accept
    ");
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
    insta::assert_snapshot!(ports(&sandbox), @r"
    elements = { 1883, 8883, 8884, 9001 }
    tcp dport 2222 accept
    tcp dport @mqtt accept
    ");
}

#[test]
fn without_a_broker_the_firewall_lets_ssh_in_and_nothing_else() {
    let sandbox = rendered("");
    fs::remove_file(sandbox.path("card/etc/mqtt-broker")).unwrap();
    insta::assert_snapshot!(ports(&sandbox), @r"
    tcp dport 22 accept
    tcp dport @mqtt accept
    ");
}

/// What the unit does at a start and at a reload, as systemd would: a command behind `-` may fail.
const UNIT: &str = "commands() { sed -n \"s/^$1=//p\" /etc/systemd/system/provision-firewall.service; }
    obey() { commands $1 >/tmp/commands; while read -r command; do
        case $command in -*) ${command#-} 2>/dev/null || echo $1: passed over;; *) $command 2>/dev/null || { echo $1: failed; return; };; esac
        done </tmp/commands; echo $1: done; }
    mount -t tmpfs none /tmp; mount --bind card/etc /etc; mount --bind card/usr/local /usr/local
    ports() { nft list ruleset | grep -E \"policy|tcp dport|elements\" | sed \"s/^[[:space:]]*//\"; }";

#[test]
fn ports_that_nft_cannot_read_cost_no_rule_at_a_start_and_are_told_at_a_reload() {
    let sandbox = rendered("");
    let script = format!(
        "cat >script <<'END'
{UNIT}
ports=/etc/mqtt-broker/firewall.nft
cp $ports /tmp/good
echo add element inet provision mqtt {{ 8883, nonsense }} >$ports
obey ExecStart; ports
cat /tmp/good >$ports
obey ExecReload; ports
echo nonsense >$ports
obey ExecReload; ports
END
unshare --map-root-user --net --mount sh -eu script"
    );
    insta::assert_snapshot!(tool(&sandbox, &script).success().stdout, @r"
    ExecStart: passed over
    ExecStart: done
    type filter hook input priority filter; policy drop;
    tcp dport 22 accept
    tcp dport @mqtt accept
    type filter hook forward priority filter; policy drop;
    ExecReload: done
    elements = { 8883 }
    type filter hook input priority filter; policy drop;
    tcp dport 22 accept
    tcp dport @mqtt accept
    type filter hook forward priority filter; policy drop;
    ExecReload: failed
    elements = { 8883 }
    type filter hook input priority filter; policy drop;
    tcp dport 22 accept
    tcp dport @mqtt accept
    type filter hook forward priority filter; policy drop;
    ");
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
# Private addresses, and such as the Internet has.
NETWORKS = ["10.9.9.{}/24", "203.0.113.{}/24", "fd00::{}/64", "2001:db8::{}/64"]
for place, name, number in ([], "here0", 1), (there, "there0", 2):
    for network in NETWORKS:
        known = ["nodad"] if ":" in network else []
        run(*place, "ip", "address", "add", network.format(number), "dev", name, *known)
    run(*place, "ip", "link", "set", name, "up")

def tcp(port):
    server = socket.create_server(("", port))
    def serve():
        while True:
            server.accept()[0].sendall(b"in")
    threading.Thread(target=serve, daemon=True).start()

def udp(port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("", port))
    def serve():
        while True:
            server.sendto(b"in", server.recvfrom(9)[1])
    threading.Thread(target=serve, daemon=True).start()

KNOCKS = """
import socket, sys
kind, port, address = sys.argv[1], int(sys.argv[2]), sys.argv[3]
types = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "icmp": socket.SOCK_RAW}
family = socket.AF_INET6 if ":" in address else socket.AF_INET
peer = socket.socket(family, types[kind], socket.IPPROTO_ICMP if kind == "icmp" else 0)
peer.settimeout(4)
try:
    peer.connect((address, port))
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

def knock(kind, port, address="10.9.9.1"):
    run(*there, "python3", "-c", KNOCKS, kind, str(port), address)

for port in 22, 1883, 8883: tcp(port)
for port in 53, 5353: udp(port)
run("nft", "-f", "/etc/provision/firewall-with-ports.nft")
for port in 22, 1883, 8883: knock("tcp", port)
for port in 53, 5353: knock("udp", port)
knock("icmp", 8)
for network in NETWORKS[1:]:
    address = network.format(1).split("/")[0]
    print("from", address, "and its likes: ", end="", flush=True)
    knock("udp", 5353, address)
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
    let script =
        format!("unshare --map-root-user --net --mount sh -euc '{LOAD}; python3 -u knock.py'");
    insta::assert_snapshot!(tool(&sandbox, &script).success().stdout, @r"
    tcp 22 in
    tcp 1883 dropped
    tcp 8883 in
    udp 53 dropped
    udp 5353 in
    icmp 8 in
    from 203.0.113.1 and its likes: udp 5353 dropped
    from fd00::1 and its likes: udp 5353 in
    from 2001:db8::1 and its likes: udp 5353 dropped
    without the rules:
    tcp 1883 in
    udp 53 in
    ");
}
