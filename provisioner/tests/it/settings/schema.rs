//! The schema of recipes, held against the loader by a validator of other people's.

use std::fs;
use std::path::Path;

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

#[test]
fn what_the_schema_refuses_the_loader_refuses_too() {
    let sandbox = Sandbox::with_site();
    let broken = [
        "systm: {}",
        "overlays: broker",
        "free: a lot",
        "free: -1",
        "system: {firewall: sometimes}",
        "system: {firewall: true}",
        "system: {login: {sudo: always}}",
        "system: {login: {nam: pi}}",
        "system: {ssh: {port: 0}}",
        "system: {ssh: {port: 70000}}",
        "system: {wifi: {country: gb}}",
        "system: {wifi: {country: GB, networks: [{ssid-hex: xyz}]}}",
        "system: {wifi: {country: GB, networks: [{sid: a}]}}",
        "system: {wifi: {country: GB, networks: [{ssid: a, security: wep}]}}",
        "system: {wifi: {country: GB, networks: [{ssid: a, priority: 1000}]}}",
        "system: {network: {wired: {method: pppoe}}}",
        "system: {network: {wired: {addresses: 192.168.1.20/24}}}",
        "system: {sd-card: {commit-interval: 301}}",
        "system: {journal: {max-size: lots}}",
        "system: {packages: vim}",
        "broker: {plain: wan}",
        "broker: {autosave-interval: -1}",
    ];
    let names: Vec<_> = broken
        .iter()
        .enumerate()
        .map(|(number, yaml)| both(&sandbox, number, yaml))
        .collect();
    let valid = validate(&sandbox, &names);
    for ((number, yaml), valid) in broken.iter().enumerate().zip(valid) {
        assert!(!valid, "the schema takes {yaml}");
        let recipe = format!("./recipe-{number}.yaml");
        let ended = sandbox.provision(&["render", "--broker", "none", "--recipe", &recipe]);
        assert_eq!(ended.code, 2, "{yaml}: {}", ended.shown());
        assert!(
            ended.stderr.contains("recipe-") || ended.stderr.contains("system."),
            "{}",
            ended.shown()
        );
    }
}
