//! What the report beside an image says of the settings.

use super::base::ALL;
use super::bases::{bake, build, raspios_trixie};

#[test]
fn the_report_says_all_settings_that_went_into_the_card_and_no_secret() {
    let more = "  network: {wired: {method: static, addresses: [192.168.1.20/24], gateways: [192.168.1.1], dns: [9.9.9.9]}}
broker:
  extra: |
    # open sesame
    max_keepalive 600
";
    let networks = "networks: [{ssid: home, password-file: secret}, {ssid-hex: c3ff, hidden: true}, {ssid: own, password: see how they run}]";
    let recipe = ALL.replace("networks: [{ssid: home, password-file: secret}]", networks) + more;
    let (sandbox, ended) = bake(raspios_trixie, "free: 1M\n");
    ended.success();
    sandbox.secret("all.yaml", &recipe);
    build(&sandbox, "all.yaml").success();
    let report = sandbox.read("pi.report.json");
    for secret in [
        "three blind mice",
        "see how they run",
        "open sesame",
        "$6$salt$",
    ] {
        assert!(!report.contains(secret), "{secret}");
    }
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let plan = report["plan"].as_object().unwrap();
    let mut shown = String::new();
    for (key, value) in plan {
        match value.as_object().filter(|_| key == "system") {
            Some(system) => shown.extend(
                system
                    .iter()
                    .map(|(key, value)| line("system.", key, value)),
            ),
            None => shown += &line("", key, value),
        }
    }
    insta::assert_snapshot!(shown, @r#"
    broker: {"autosave-interval":1800,"extra":["max_keepalive"],"log-types":["error","warning","notice","information"],"persistence":true,"plain":"none"}
    free: 1048576
    login: "maria"
    overlays: ["debian-firstboot","ssh","broker"]
    packages: ["console-setup","keyboard-configuration","locales","nftables","rfkill","wireless-regdb","wpasupplicant"]
    password: true
    sudo: "password"
    system.cmdline: {"add":["panic=10"],"remove":["quiet"]}
    system.config-txt: [{"key":"dtparam","section":"all","value":"audio=off"},{"key":"arm_boost","section":"pi4","value":"0"}]
    system.firewall: "on"
    system.hostname: null
    system.journal: {"max-size":67108864,"storage":"persistent"}
    system.keyboard: {"layout":"de","model":"pc105","options":"compose:menu","variant":"nodeadkeys"}
    system.locale: "en_GB.UTF-8"
    system.network: {"wifi":{"addresses":[],"dns":[],"gateways":[],"search":[]},"wired":{"addresses":["192.168.1.20/24"],"dns":["9.9.9.9"],"gateways":["192.168.1.1"],"search":[]}}
    system.ntp: {"fallback":[],"servers":[]}
    system.packages: ["console-setup","keyboard-configuration"]
    system.sd-card: {"commit-interval":60,"noatime":true,"swap":"zram"}
    system.ssh: {"password-login":false,"port":22}
    system.upgrades: "none"
    system.wifi: {"country":"GB","networks":[{"hidden":false,"priority":3,"security":"wpa2","ssid":"home"},{"hidden":true,"priority":2,"security":"open","ssid-hex":"c3ff"},{"hidden":false,"priority":1,"security":"wpa2","ssid":"own"}]}
    timezone: "Europe/Berlin"
    "#);
}

fn line(room: &str, key: &str, value: &serde_json::Value) -> String {
    format!("{room}{key}: {value}\n")
}
