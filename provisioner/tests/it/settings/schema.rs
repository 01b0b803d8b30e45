//! The schema of recipes, held against the loader by a validator of other people's.

use std::fs;
use std::path::Path;

use crate::kinds::ARM64;
use crate::support::{Sandbox, tool};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Validates `name.json` of the sandbox; says what is wrong with it.
fn validate(sandbox: &Sandbox, names: &[String]) -> Vec<bool> {
    let script = "/usr/bin/python3 -c '
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for name in sys.argv[2:]:
    print(\"good\" if validator.is_valid(json.load(open(name))) else \"bad\")'";
    let schema = format!("{ROOT}/recipes/recipe.schema.json");
    let lines = tool(sandbox, &format!("{script} '{schema}' {}", names.join(" "))).success();
    lines.stdout.lines().map(|line| line == "good").collect()
}

/// Writes YAML as JSON, and as YAML; returns the JSON's name.
fn both(sandbox: &Sandbox, number: usize, yaml: &str) -> String {
    let value: serde_json::Value = serde_yaml::from_str(yaml).unwrap();
    let name = format!("recipe-{number}.json");
    sandbox.write(&name, &value.to_string());
    sandbox.write(&format!("recipe-{number}.yaml"), yaml);
    name
}

#[test]
fn the_schema_that_is_checked_in_is_what_the_program_prints() {
    let printed = Sandbox::new().provision(&["schema"]).success().stdout;
    let checked_in =
        fs::read_to_string(Path::new(ROOT).join("recipes/recipe.schema.json")).unwrap();
    assert!(
        printed == checked_in,
        "run `provision schema >recipes/recipe.schema.json`"
    );
}

#[test]
fn every_built_in_recipe_names_the_schema_and_keeps_it() {
    let sandbox = Sandbox::new();
    let mut names = Vec::new();
    for entry in fs::read_dir(Path::new(ROOT).join("recipes")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let text = fs::read_to_string(&path).unwrap();
            assert!(
                text.starts_with("# yaml-language-server: $schema=recipe.schema.json\n"),
                "{}",
                path.display()
            );
            names.push(both(&sandbox, names.len(), &text));
        }
    }
    assert!(names.len() >= 4, "{names:?}");
    assert_eq!(validate(&sandbox, &names), vec![true; names.len()]);
}

const HASH: &str = "$6$salt$0123456789012345678901234567890123456789";

/// Recipes, and whether they are good. `KEY` is 64 digits, `LONG` a name of 33 characters, `HASH` a password's.
const CASES: [(&str, bool); 61] = [
    ("systm: {}", false),
    ("overlays: broker", false),
    ("free: a lot", false),
    ("free: -1", false),
    ("system: {firewall: sometimes}", false),
    ("system: {firewall: true}", false),
    ("system: {login: {sudo: always}}", false),
    ("system: {login: {nam: pi}}", false),
    ("system: {login: {name: root}}", false),
    ("system: {login: {name: Maria}}", false),
    ("system: {login: {name: 1a}}", false),
    ("system: {login: {name: LONG}}", false),
    ("system: {login: {password-hash: abc}}", false),
    ("system: {login: {password-hash: $6$HASH:1}}", false),
    (
        "system: {login: {password-hash: $6$01234567890123456789}}",
        false,
    ),
    ("system: {ssh: {port: 0}}", false),
    ("system: {ssh: {port: 70000}}", false),
    ("system: {hostname: Broker}", false),
    ("system: {hostname: '1234'}", false),
    ("system: {hostname: -a}", false),
    ("system: {hostname: a-}", false),
    ("system: {hostname: a.b}", false),
    ("system: {wifi: {country: gb}}", false),
    ("system: {wifi: {country: UK}}", false),
    ("system: {wifi: {country: XX}}", false),
    (
        "system: {wifi: {country: GB, networks: [{ssid-hex: xyz}]}}",
        false,
    ),
    (
        "system: {wifi: {country: GB, networks: [{ssid: LONG}]}}",
        false,
    ),
    (
        "system: {wifi: {country: GB, networks: [{ssid: ''}]}}",
        false,
    ),
    ("system: {wifi: {country: GB, networks: [{sid: a}]}}", false),
    (
        "system: {wifi: {country: GB, networks: [{ssid: a, security: wep}]}}",
        false,
    ),
    (
        "system: {wifi: {country: GB, networks: [{ssid: a, priority: 1000}]}}",
        false,
    ),
    (
        "system: {wifi: {country: GB, networks: [{ssid: a, psk: zz}]}}",
        false,
    ),
    (
        "system: {wifi: {country: GB, networks: [{ssid: a, password: short}]}}",
        false,
    ),
    ("system: {network: {wired: {method: pppoe}}}", false),
    (
        "system: {network: {wired: {addresses: 192.168.1.20/24}}}",
        false,
    ),
    (
        "system: {network: {wired: {method: static, addresses: [192.168.1.2]}}}",
        false,
    ),
    ("system: {locale: en_GB}", false),
    ("system: {locale: de_DE.ISO-8859-1}", false),
    ("system: {sd-card: {commit-interval: 301}}", false),
    ("system: {journal: {max-size: lots}}", false),
    ("system: {packages: vim}", false),
    ("system: {packages: [TCP]}", false),
    ("system: {packages: [a]}", false),
    ("system: {cmdline: {add: [root=/dev/sda]}}", false),
    ("system: {cmdline: {add: ['a b']}}", false),
    (
        "system: {cmdline: {add: [cfg80211.ieee80211_regdom=US]}}",
        false,
    ),
    ("system: {cmdline: {remove: [rootwait]}}", false),
    ("broker: {plain: wan}", false),
    ("broker: {autosave-interval: -1}", false),
    ("{}", true),
    (
        "system: {login: {name: maria-2, password-hash: HASH}}",
        true,
    ),
    ("system: {hostname: broker}", true),
    (
        "system: {wifi: {country: GB, networks: [{ssid: a, password: three blind mice}]}}",
        true,
    ),
    (
        "system: {wifi: {country: AX, networks: [{ssid: a, psk: KEY}, {ssid: b, password: KEY}]}}",
        true,
    ),
    (
        "system: {wifi: {country: US, networks: [{ssid: Café 2, security: open}]}}",
        true,
    ),
    (
        "system: {network: {wired: {method: static, addresses: [192.168.1.20/24, 'fd00::20/64']}}}",
        true,
    ),
    ("system: {locale: C.UTF-8}", true),
    ("system: {locale: de_DE.UTF-8@euro}", true),
    ("system: {packages: [tcpdump, g++, libstdc++6, 0ad]}", true),
    (
        "system: {cmdline: {add: [rootdelay=5, quiet, console=tty1], remove: [splash]}}",
        true,
    ),
    (
        "system: {config-txt: ['gpio=17=op,dh', '[pi4]', include extra.txt]}",
        true,
    ),
];

#[test]
fn the_schema_and_the_loader_agree_on_what_is_good() {
    let sandbox = Sandbox::with_site();
    fs::copy(ARM64.library(ARM64.loader), sandbox.path("broker")).unwrap();
    let recipes: Vec<_> = CASES
        .iter()
        .map(|(yaml, good)| {
            let yaml = yaml
                .replace("KEY", &"0f".repeat(32))
                .replace("LONG", &"n".repeat(33))
                .replace("HASH", HASH);
            (yaml, *good)
        })
        .collect();
    let names: Vec<_> = recipes
        .iter()
        .enumerate()
        .map(|(number, (yaml, _))| both(&sandbox, number, yaml))
        .collect();
    let valid = validate(&sandbox, &names);
    for ((number, (yaml, good)), valid) in recipes.iter().enumerate().zip(valid) {
        assert_eq!(valid, *good, "the schema on {yaml}");
        let recipe = format!("./recipe-{number}.yaml");
        // A recipe with a password in it is its owner's alone.
        sandbox.secret(&recipe, yaml);
        let card = format!("card-{number}");
        let args = ["render", &card, "--broker", "broker", "--recipe", &recipe];
        let ended = sandbox.provision(&args);
        assert_eq!(
            ended.code,
            if *good { 0 } else { 2 },
            "{yaml}: {}",
            ended.shown()
        );
        assert!(
            *good || ended.stderr.contains("recipe-") || ended.stderr.contains("system."),
            "{}",
            ended.shown()
        );
    }
}
