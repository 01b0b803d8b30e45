//! Profiles of networks, read by NetworkManager's own programs.

use super::readers::rendered;
use crate::support::{Sandbox, tool};

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
fn network_manager_understands_every_kind_of_password() {
    let sandbox = rendered(
        "system:
  wifi:
    country: GB
    networks:
      - {ssid: Café; 2, password-file: secret}
      - {ssid: sae, password-file: secret, security: wpa3, hidden: true}
      - {ssid: both, password-file: secret, security: wpa2-wpa3, priority: -5}
",
    );
    let profiles: String = (1..=3)
        .map(|number| understood(&sandbox, &format!("wifi-{number}")) + "\n")
        .collect();
    insta::assert_snapshot!(profiles, @r"
    [connection]
    id=Café; 2
    uuid=a3f9ef11-ebac-510e-8234-ded265480e25
    type=wifi
    autoconnect-priority=3
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
    autoconnect-priority=2
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
    ");
}

#[test]
fn network_manager_understands_networks_without_a_password_and_names_that_are_no_text() {
    let sandbox = rendered(
        "system:
  wifi:
    country: GB
    networks:
      - {ssid-hex: 00ff20, security: open}
      - {ssid: ' owe', security: owe}
",
    );
    let profiles: String = (1..=2)
        .map(|number| understood(&sandbox, &format!("wifi-{number}")) + "\n")
        .collect();
    insta::assert_snapshot!(profiles, @r"
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
    insta::assert_snapshot!(tool(&sandbox, script).success().stdout, @r"
    [keyfile]
    unmanaged-devices=type:ethernet
    ");
}
