//! A small base, the image made of it, and who judges what lies beside that.

use std::fs;

use serde_json::Value;

use crate::bake::with_base_of;
use crate::kinds::Kind;
use crate::support::{Ended, Sandbox, tool};

/// What dpkg says of a small system; one package was removed again.
const STATUS: &str = "Package: libstdc++6\nStatus: install ok installed\nSource: gcc-14\nVersion: 14.2.0-19\nArchitecture: arm64\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n\n\
                      Package: bash\nStatus: install ok installed\nVersion: 5.2.37-2+b5\nArchitecture: arm64\n\n\
                      Package: bash\nStatus: install ok installed\nVersion: 5.2.37-2+b5\nArchitecture: armhf\n";

pub(crate) fn with_base(kind: &Kind) -> Sandbox {
    with_base_of(kind, |sandbox| {
        fs::create_dir_all(sandbox.path("root/var/lib/dpkg")).unwrap();
        sandbox.write("root/var/lib/dpkg/status", STATUS);
    })
}

pub(crate) fn image(sandbox: &Sandbox, more: &[&str]) -> Ended {
    let args = [
        "image", "--broker", "broker", "--base", "base.img", "--free", "1M",
    ];
    let out = if more.contains(&"--out") {
        &[][..]
    } else {
        &["--out", "pi.img"][..]
    };
    sandbox.provision(&[&args[..], out, more].concat())
}

pub(crate) fn json(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_str(&sandbox.read(name)).unwrap()
}

/// The names beside `pi.img`, the sandbox's own left out.
pub(crate) fn beside(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("pi.") || name.contains("SUMS") || name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// A listing without what can be made again.
pub(crate) fn without_cache(lines: Vec<String>) -> Vec<String> {
    let others = lines.into_iter().filter(|line| !line.contains(" home"));
    others.collect()
}

/// What a validator that we did not write says about a file.
pub(crate) fn validate(sandbox: &Sandbox, schema: &str, file: &str) {
    let schema = format!("{}/../image/schemas/{schema}", env!("CARGO_MANIFEST_DIR"));
    let script = "import json, sys, jsonschema\n\
                  schema = json.load(open(sys.argv[1]))\n\
                  jsonschema.Draft7Validator.check_schema(schema)\n\
                  jsonschema.Draft7Validator(schema).validate(json.load(open(sys.argv[2])))\n";
    sandbox.write("validate.py", script);
    tool(
        sandbox,
        &format!("/usr/bin/python3 validate.py '{schema}' '{file}'"),
    )
    .success();
}
