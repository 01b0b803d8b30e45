//! Cards to look at.

use std::fs;

use serde_json::{Value, json};

use crate::bake::with_base_of;
use crate::kinds::ARM64;
use crate::support::{Ended, Sandbox, tool};

/// Byte offset of the root partition of the small base.
pub(super) const ROOT: u64 = 40 << 20;

/// A sandbox with a baked card, `pi.img`, and the report of its baking.
pub(super) fn baked() -> Sandbox {
    let sandbox = with_base_of(&ARM64, |_| {});
    let args = [
        "image", "--base", "base.img", "--broker", "broker", "--free", "1M", "--out", "pi.img",
        "--json",
    ];
    let ended = sandbox.provision(&args).success();
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    let table = tool(&sandbox, "sfdisk --json pi.img").success().stdout;
    let table: Value = serde_json::from_str(&table).unwrap();
    let table = &table["partitiontable"];
    let partitions = table["partitions"].as_array().unwrap().iter().zip(1..);
    let partitions: Vec<_> = partitions
        .map(|(row, number)| {
            let kind = u8::from_str_radix(row["type"].as_str().unwrap(), 16).unwrap();
            json!({"number": number, "kind": kind, "bootable": false, "start": row["start"], "length": row["size"]})
        })
        .collect();
    let report = json!({
        "version": 1,
        "size": told["size"],
        "grown": 0,
        "disk_id": table["id"].as_str().unwrap().trim_start_matches("0x"),
        "partitions": partitions,
        "free": 0,
        "written": told["written"],
    });
    if !sandbox.path("pi.report.json").exists() {
        sandbox.write("pi.report.json", &report.to_string());
    }
    sandbox
}

/// Has debugfs do this to the root file system of `pi.img`.
pub(super) fn tamper(sandbox: &Sandbox, commands: &str) {
    sandbox.write("commands", commands);
    tool(
        sandbox,
        &format!("debugfs -w -f commands 'pi.img?offset={ROOT}'"),
    )
    .success();
    fs::remove_file(sandbox.path("commands")).unwrap();
}

/// The folder of the release that is in use.
pub(super) fn release(sandbox: &Sandbox) -> String {
    let inspected = json(
        &sandbox
            .provision(&["inspect", "pi.img", "--json"])
            .success(),
    );
    let id = inspected["broker"]["release"].as_str().unwrap().to_owned();
    format!("/usr/local/lib/mqtt-broker/releases/{id}")
}

pub(super) fn json(ended: &Ended) -> Value {
    let value: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(value["version"], 1);
    value
}

/// The names below the cache, to show that no copy stays.
pub(super) fn cached(sandbox: &Sandbox) -> Vec<String> {
    let Ok(entries) = fs::read_dir(sandbox.path("home/.cache/provision")) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("img")).collect()
}
