//! What the report beside an image says of the settings.

use super::base::ALL;
use super::bases::{bake, raspios_trixie};
use super::readers::secret;

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
    secret(&sandbox, "all.yaml", &recipe);
    let args = [
        "image",
        "--out",
        "pi.img",
        "--base",
        "base.img",
        "--broker",
        "broker",
        "--recipe",
        "./all.yaml",
    ];
    sandbox.provision(&args).success();
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
    insta::assert_snapshot!(format!("{:#}", report["plan"]), @r#"
    {
      "broker": {
        "autosave-interval": 1800,
        "extra": [
          "max_keepalive"
        ],
        "log-types": [
          "error",
          "warning",
          "notice",
          "information"
        ],
        "persistence": true,
        "plain": "none"
      },
      "free": 1048576,
      "login": "maria",
      "overlays": [
        "debian-firstboot",
        "ssh",
        "broker"
      ],
      "packages": [
        "console-setup",
        "keyboard-configuration",
        "locales",
        "nftables",
        "rfkill",
        "wireless-regdb",
        "wpasupplicant"
      ],
      "password": true,
      "sudo": "password",
      "system": {
        "cmdline": {
          "add": [
            "panic=10"
          ],
          "remove": [
            "quiet"
          ]
        },
        "config-txt": [
          {
            "key": "dtparam",
            "section": "all",
            "value": "audio=off"
          },
          {
            "key": "arm_boost",
            "section": "pi4",
            "value": "0"
          }
        ],
        "firewall": "on",
        "hostname": null,
        "journal": {
          "max-size": 67108864,
          "storage": "persistent"
        },
        "keyboard": {
          "layout": "de",
          "model": "pc105",
          "options": "compose:menu",
          "variant": "nodeadkeys"
        },
        "locale": "en_GB.UTF-8",
        "network": {
          "wifi": {
            "addresses": [],
            "dns": [],
            "gateways": [],
            "search": []
          },
          "wired": {
            "addresses": [
              "192.168.1.20/24"
            ],
            "dns": [
              "9.9.9.9"
            ],
            "gateways": [
              "192.168.1.1"
            ],
            "search": []
          }
        },
        "ntp": {
          "fallback": [],
          "servers": []
        },
        "packages": [
          "console-setup",
          "keyboard-configuration"
        ],
        "sd-card": {
          "commit-interval": 60,
          "noatime": true,
          "swap": "zram"
        },
        "ssh": {
          "password-login": false,
          "port": 22
        },
        "upgrades": "none",
        "wifi": {
          "country": "GB",
          "networks": [
            {
              "hidden": false,
              "priority": 3,
              "security": "wpa2",
              "ssid": "home"
            },
            {
              "hidden": true,
              "priority": 2,
              "security": "open",
              "ssid-hex": "c3ff"
            },
            {
              "hidden": false,
              "priority": 1,
              "security": "wpa2",
              "ssid": "own"
            }
          ]
        }
      },
      "timezone": "Europe/Berlin"
    }
    "#);
}
