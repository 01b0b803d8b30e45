//! What a recipe may say of the operating system, and what not.

use std::path::Path;

use crate::recipe::{Overrides, Plan, Recipe, load, yaml};

fn plan(text: &str) -> anyhow::Result<Plan> {
    let recipe = yaml::parse::<Recipe>("my.yaml", text)?;
    recipe
        .over(load("default")?)
        .resolve(Overrides::default(), Path::new("/here"))
}

fn error(text: &str) -> String {
    let error = plan(text).unwrap_err();
    let hint = crate::hint::of(&error).map_or(String::new(), |hint| format!(" | {hint}"));
    format!("{error:#}{hint}")
}

/// The error of each of `texts`, a line each.
fn errors(key: &str, texts: &[&str]) -> String {
    let error = |text: &&str| error(&format!("system: {{{key}: {text}}}\n")) + "\n";
    texts.iter().map(error).collect()
}

#[test]
fn a_typo_is_named_with_its_place_at_every_depth() {
    insta::assert_snapshot!(
        error("system:\n  wifi:\n    networks:\n      - {ssid: a, pasword-file: b}\n"),
        @r#"my.yaml:4:19: unknown key "pasword-file" | did you mean "password-file"?"#
    );
    insta::assert_snapshot!(error("system:\n  firewal: on\n"), @r#"my.yaml:2:3: unknown key "firewal" | did you mean "firewall"?"#);
    insta::assert_snapshot!(error("system:\n  network:\n    wired: {metod: dhcp}\n"), @r#"my.yaml:3:13: unknown key "metod" | did you mean "method"?"#);
    insta::assert_snapshot!(error("system:\n  upgrades: sometimes\n"), @"my.yaml:2:13: system.upgrades: unknown variant `sometimes`, expected `security` or `none`");
}

#[test]
fn a_password_is_never_part_of_an_error() {
    for text in [
        "login: {password-hash: hunter2hunter2}",
        "login: {password-hash: '$1$hunter2$hunter2hunter2'}",
        "login: {password-hash: 123456789}",
        "wifi: {country: GB, networks: [{ssid: a, password: 123456789}]}",
        "wifi: {country: GB, networks: [{ssid: a, password: hunter2}]}",
        "wifi: {country: GB, networks: [{ssid: a, psk: hunter2hunter2}]}",
        "wifi: {country: GB, networks: [{ssid: a, password: [hunter2]}]}",
        "wifi: {country: GB, networks: [{ssid: a, security: open, password: hunter2hunter2}]}",
    ] {
        let error = error(&format!("system: {{{text}}}\n"));
        assert!(
            !error.contains("hunter2") && !error.contains("123456789"),
            "{error}"
        );
    }
}

#[test]
fn logins_that_nobody_could_use_are_refused() {
    insta::assert_snapshot!(errors("login", &[
        "{sudo: password}",
        "{sudo: sometimes}",
        "{password-hash: secret}",
        "{password-hash: $6$a$0123456789012345, password-file: b}",
    ]), @r"
    system.login.sudo: `password` without a password would be nothing at all | say `password-file: FILE`, with what `openssl passwd -6` prints in it
    my.yaml:1:24: system.login.sudo: unknown variant `sometimes`, expected one of `passwordless`, `password`, `none`
    system.login.password-hash: this is no hash of a password | `openssl passwd -6` asks for a password and prints its hash, which begins with $6$
    system.login: `password-hash` and `password-file` exclude each other
    ");
    insta::assert_snapshot!(errors("ssh", &["{password-login: true}", "{port: 0}", "{port: 70000}"]), @r"
    system.ssh.password-login: the login user has no password | give system.login a `password-file`, or leave password-login out
    system.ssh.port: 0 is no port
    my.yaml:1:22: system.ssh.port: invalid value: integer `70000`, expected u16
    ");
}

#[test]
fn wireless_networks_that_cannot_be_are_refused() {
    let network = |network: &str| format!("{{country: GB, networks: [{network}]}}");
    let texts = [
        "{ssid: a}, {ssid-hex: '61'}",
        "{security: open}",
        "{ssid: a, ssid-hex: '61'}",
        "{ssid-hex: 6}",
        "{ssid-hex: 'zz'}",
        "{ssid: ''}",
        "{ssid: 123456789012345678901234567890123}",
        "{ssid: '123456789012345678901234567890123'}",
        "{ssid: a, security: wpa3}",
        "{ssid: a, password: short}",
        "{ssid: a, password: pässword1}",
        "{ssid: a, psk: 12, password-file: b}",
        "{ssid: a, security: wpa3, psk: '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}",
        "{ssid: a, password-file: b, priority: 1000}",
    ]
    .map(network);
    let mut texts: Vec<_> = texts.iter().map(String::as_str).collect();
    texts.extend(["{networks: [{ssid: a}]}", "{country: gb}", "{country: GBR}"]);
    insta::assert_snapshot!(errors("wifi", &texts), @r#"
    system.wifi.networks: "a" is there twice
    system.wifi.networks[0]: it has no `ssid`
    system.wifi.networks[0]: `ssid` and `ssid-hex` exclude each other
    system.wifi.networks[0]: `ssid-hex` is not pairs of hexadecimal digits
    system.wifi.networks[0]: `ssid-hex` is not pairs of hexadecimal digits
    system.wifi.networks[0]: a network's name has 1 to 32 bytes
    system.wifi.networks[0]: a network's name has 1 to 32 bytes
    system.wifi.networks[0]: a network's name has 1 to 32 bytes
    system.wifi.networks[0]: it has no password | say `password-file: FILE`, relative to the recipe
    system.wifi.networks[0]: a password has 8 to 63 characters of ASCII
    system.wifi.networks[0]: a password has 8 to 63 characters of ASCII
    my.yaml:1:56: system.wifi.networks[0].psk: a secret is a text: put it in quotes
    system.wifi.networks[0]: WPA3 needs the password itself, not the key that WPA2 makes of it
    system.wifi.networks[0]: `priority` is not within -999 to 999
    system.wifi: there are networks, but no `country`, and without it Wi-Fi stays off | say `country: GB`, or where else you are
    system.wifi.country: "gb" is not two capital letters | as in GB, DE or US
    system.wifi.country: "GBR" is not two capital letters | as in GB, DE or US
    "#);
}

#[test]
fn addresses_that_cannot_work_are_refused() {
    let wired = |more: &str| format!("{{wired: {{method: static, {more}}}}}");
    let texts = [
        "addresses: []",
        "addresses: [192.168.1.20]",
        "addresses: [192.168.1.20/33]",
        "addresses: [192.168.1.0/24]",
        "addresses: [192.168.1.255/24]",
        "addresses: [127.0.0.1/8]",
        "addresses: ['fd00::1/129']",
        "addresses: [192.168.1.20/24, 192.168.1.20/16]",
        "addresses: [192.168.1.20/24], gateways: [192.168.2.1]",
        "addresses: [192.168.1.20/24], gateways: [192.168.1.20]",
        "addresses: [192.168.1.20/24], gateways: [192.168.1.1, 192.168.1.2]",
        "addresses: [192.168.1.20/24], gateways: ['fd00::1']",
        "addresses: [192.168.1.20/24], dns: [router]",
        "addresses: [192.168.1.20/24], search: ['a b']",
    ]
    .map(wired);
    let mut texts: Vec<_> = texts.iter().map(String::as_str).collect();
    texts.extend([
        "{wired: {addresses: [192.168.1.20/24]}}",
        "{wired: {method: off}}",
    ]);
    insta::assert_snapshot!(errors("network", &texts), @r#"
    system.network.wired: `method: static` without `addresses`
    system.network.wired.addresses: 192.168.1.20: write it with the length of its network's prefix, as 192.168.1.20/24
    system.network.wired.addresses: 192.168.1.20/33: its prefix is longer than the address, or none
    system.network.wired.addresses: 192.168.1.0/24: it is the network's own address
    system.network.wired.addresses: 192.168.1.255/24: it is the network's broadcast address
    system.network.wired.addresses: 127.0.0.1/8: no machine has such an address
    system.network.wired.addresses: fd00::1/129: its prefix is longer than the address, or none
    system.network.wired.addresses: 192.168.1.20/16 is there twice
    system.network.wired.gateways: 192.168.2.1: it is in none of the addresses' networks
    system.network.wired.gateways: 192.168.1.20: it is the machine's own address
    system.network.wired.gateways: 192.168.1.2: it is the second of its kind, and one is all that a machine can have
    system.network.wired.gateways: fd00::1: it is in none of the addresses' networks
    system.network.wired.dns: router: invalid IP address syntax
    system.network.wired.search: "a b" is neither an IP address nor a host name: each part between dots has 1 to 63 letters, digits and inner hyphens
    system.network.wired: `addresses` and `gateways` are for `method: static`
    system.network: without cable and Wi-Fi nobody would reach the broker
    "#);
}

#[test]
fn addresses_at_the_edge_are_taken() {
    for text in [
        "addresses: [10.0.0.0/31], gateways: [10.0.0.1]",
        "addresses: [10.0.0.7/32]",
        "addresses: ['fd00::1/128'], gateways: ['fe80::1']",
        "addresses: [0.0.0.1/1]",
        "addresses: [192.168.1.20/24, 'fd00::20/64'], gateways: [192.168.1.1, 'fd00::1']",
    ] {
        plan(&format!(
            "system: {{network: {{wired: {{method: static, {text}}}}}}}\n"
        ))
        .unwrap();
    }
}

#[test]
fn one_address_is_for_one_network() {
    let address = "{method: static, addresses: [192.168.1.20/24]}";
    insta::assert_snapshot!(errors("network", &[&format!("{{wired: {address}, wifi: {address}}}")]), @"system.network: 192.168.1.20/24 is the address on the cable and in Wi-Fi");
}

#[test]
fn everything_else_that_would_not_do_is_refused() {
    let texts = [
        ("hostname", "Broker"),
        ("hostname", "-a"),
        ("hostname", "'1'"),
        ("timezone", "'Europe London'"),
        ("keyboard", "{layout: 'de\"'}"),
        ("locale", "en_GB"),
        ("locale", "de_DE.ISO-8859-1"),
        ("ntp", "{servers: ['a b']}"),
        ("journal", "{max-size: 1K}"),
        ("sd-card", "{commit-interval: 0}"),
        ("sd-card", "{commit-interval: 301}"),
        ("packages", "[Vim]"),
        ("packages", "['vim;id']"),
        ("config-txt", "['audio on']"),
        ("config-txt", "[kernel=other.img]"),
        ("cmdline", "{add: ['a b']}"),
        ("cmdline", "{add: [root=/dev/sda]}"),
        ("cmdline", "{remove: [rootwait]}"),
        ("cmdline", "{add: [cfg80211.ieee80211_regdom=US]}"),
        ("config-txt", "['include=extra.txt']"),
        ("login", "{name: root}"),
        ("login", "{name: Maria}"),
        ("wifi", "{country: UK}"),
        ("wifi", "{country: XX}"),
    ];
    let all: String = texts
        .iter()
        .map(|(key, text)| errors(key, &[text]))
        .collect();
    insta::assert_snapshot!(all, @r#"
    system.hostname: "Broker" is not 1 to 63 lower-case letters, digits and inner hyphens
    system.hostname: "-a" is not 1 to 63 lower-case letters, digits and inner hyphens
    system.hostname: "1" is not 1 to 63 lower-case letters, digits and inner hyphens
    system.timezone: "Europe London" has characters that none of its values has
    system.keyboard.layout: "de\"" has characters that none of its values has
    system.locale: "en_GB" is not the name of a locale in UTF-8 | as in C.UTF-8, en_GB.UTF-8 or de_DE.UTF-8
    system.locale: "de_DE.ISO-8859-1" is not the name of a locale in UTF-8 | as in C.UTF-8, en_GB.UTF-8 or de_DE.UTF-8
    system.ntp.servers: "a b" is neither an IP address nor a host name: each part between dots has 1 to 63 letters, digits and inner hyphens
    system.journal.max-size: 1.0 KiB is less than 8.0 MiB
    system.sd-card.commit-interval: 0 is not within 1 to 300 seconds
    system.sd-card.commit-interval: 301 is not within 1 to 300 seconds
    system.packages: "Vim" is not the name of a package
    system.packages: "vim;id" is not the name of a package
    system.config-txt: "audio on" sets nothing | write `key=value`, `include FILE`, or `[section]` for the lines behind it
    system.config-txt: "kernel=other.img" is the card's own: with another it would not boot
    system.cmdline: "a b" is not one word
    system.cmdline: "root=/dev/sda" is the card's own: it would not boot, or not grow | what the base says about its root file system stays as it is
    system.cmdline: "rootwait" is the card's own: it would not boot, or not grow | what the base says about its root file system stays as it is
    system.cmdline: "cfg80211.ieee80211_regdom=US" is the country of Wi-Fi | say `system.wifi.country`, which Wi-Fi is set with everywhere
    system.config-txt: "include=extra.txt" includes nothing | write `include FILE`
    system.login.name: "root" can't be a login name: root is the administrator, who logs in through sudo
    system.login.name: "Maria" can't be a login name: it must begin with a letter from a to z
    system.wifi.country: there is no country UK | did you mean GB?
    system.wifi.country: there is no country XX | the codes are those of ISO 3166-1, as in GB, DE or US
    "#);
}

#[test]
fn a_recipe_over_another_changes_what_it_says_and_keeps_the_rest() {
    let lower = yaml::parse::<Recipe>(
        "lower.yaml",
        "system:\n  login: {name: ada, password-hash: $6$a$0123456789012345}\n  network: {wired: {dns: [9.9.9.9]}}\n  packages: [vim]\n",
    )
    .unwrap();
    let upper = yaml::parse::<Recipe>(
        "upper.yaml",
        "system:\n  login: {password-file: b}\n  network: {wired: {search: [home.arpa]}}\n",
    )
    .unwrap();
    let system = upper.over(lower).system;
    assert_eq!(system.login.name.as_deref(), Some("ada"));
    assert_eq!(
        system.login.password_hash, None,
        "two passwords exclude each other"
    );
    assert_eq!(
        system.network.wired.dns.as_deref(),
        Some(&["9.9.9.9".to_owned()][..])
    );
    assert_eq!(
        system.network.wired.search.as_deref(),
        Some(&["home.arpa".to_owned()][..])
    );
    assert_eq!(system.packages.as_deref(), Some(&["vim".to_owned()][..]));
}

#[test]
fn settings_bring_the_packages_they_need() {
    let packages = |text: &str| plan(text).unwrap().system.needed_packages().join(" ");
    assert_eq!(packages(""), "nftables unattended-upgrades");
    assert_eq!(packages("system: {firewall: off, upgrades: none}"), "");
    assert_eq!(
        packages(
            "system: {wifi: {country: GB}, keyboard: {layout: de}, packages: [vim, nftables]}"
        ),
        "console-setup keyboard-configuration nftables rfkill unattended-upgrades vim wireless-regdb wpasupplicant"
    );
}

#[test]
fn files_with_secrets_are_looked_for_beside_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.yaml");
    crate::fsio::write_atomic(&file, "system: {wifi: {country: GB, networks: [{ssid: a, password-file: wifi/a}]}, login: {password-file: hash}}\n".as_ref(), crate::fsio::Access::Public).unwrap();
    let plan = load(file.to_str().unwrap())
        .unwrap()
        .resolve(Overrides::default(), Path::new("/elsewhere"))
        .unwrap();
    let shown = format!("{:?} {:?}", plan.system.wifi, plan.login)
        .replace(folder.path().to_str().unwrap(), "[HERE]");
    assert!(
        shown.contains("[HERE]/wifi/a") && shown.contains("[HERE]/hash"),
        "{shown}"
    );
}

#[test]
fn a_recipe_with_a_password_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.yaml");
    let text = "system: {wifi: {country: GB, networks: [{ssid: a, password: correct horse}]}}\n";
    crate::fsio::write_atomic(&file, text.as_ref(), crate::fsio::Access::Public).unwrap();
    let mode =
        |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o640);
    let error = load(file.to_str().unwrap()).unwrap_err();
    let shown = format!("{error} | {}", crate::hint::of(&error).unwrap());
    insta::assert_snapshot!(shown.replace(folder.path().to_str().unwrap(), "[HERE]"), @"[HERE]/my.yaml has a password in it, and others can read it (mode 0640) | `chmod 600 [HERE]/my.yaml`, or put the password into a file of its own: `password-file: FILE`");
    mode(0o600);
    load(file.to_str().unwrap()).unwrap();
}

#[test]
fn the_example_that_says_everything_says_everything_and_loads() {
    let text = include_str!("../../../../recipes/example-everything.yaml");
    load("example-everything")
        .unwrap()
        .resolve(Overrides::default(), Path::new("/here"))
        .unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(&crate::recipe::schema::recipe().unwrap()).unwrap();
    let mut keys = Vec::new();
    collect(&schema, &mut keys);
    assert!(keys.len() > 50, "{keys:?}");
    for key in keys {
        assert!(
            text.contains(&format!("{key}:")),
            "the example does not mention {key}"
        );
    }
}

/// The names of all properties.
fn collect(schema: &serde_json::Value, keys: &mut Vec<String>) {
    match schema {
        serde_json::Value::Object(map) => {
            if let Some(serde_json::Value::Object(properties)) = map.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| collect(value, keys));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| collect(value, keys)),
        _ => {}
    }
}
