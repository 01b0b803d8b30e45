//! Clients of other languages, which ci/setup installs.

use std::env;
use std::path::{Path, PathBuf};

use super::{Access, Results};
use crate::support::program;

/// Where ci/setup puts them.
fn installed() -> PathBuf {
    let cache = env::var_os("PROVISION_CACHE").map(PathBuf::from);
    let cache =
        cache.or_else(|| Some(PathBuf::from(env::var_os("XDG_CACHE_HOME")?).join("provision")));
    let home = || PathBuf::from(env::var_os("HOME").unwrap()).join(".cache/provision");
    cache.unwrap_or_else(home).join("tools/clients")
}

/// `paho-mqtt`, from the index of Python packages.
pub(super) fn paho(access: &Access) -> Results {
    run(
        access,
        &installed().join("python/bin/python"),
        "paho_client.py",
        None,
    )
}

/// The package mqtt of npm.
pub(super) fn mqtt_js(access: &Access) -> Results {
    let folder = installed();
    assert!(
        folder.join("node_modules/mqtt").is_dir(),
        "mqtt of npm is not installed: run ci/setup"
    );
    run(access, Path::new("node"), "mqtt_js.cjs", Some(&folder))
}

/// Runs a script that prints a feature and its result on each line.
fn run(access: &Access, interpreter: &Path, script: &str, more: Option<&Path>) -> Results {
    let missing = interpreter.is_absolute() && !interpreter.is_file();
    assert!(
        !missing,
        "{} is not installed: run ci/setup",
        interpreter.display()
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/clients")
        .join(script);
    let mut command = program("timeout");
    command
        .arg("200")
        .arg(interpreter)
        .arg(script)
        .arg(access.port.to_string());
    command.args([
        access.version,
        access.ca.as_deref().unwrap_or("-"),
        &access.prefix,
    ]);
    let ended = command.args(more).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    let results: Results = said
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, result)| (name.to_owned(), result.to_owned()))
        .collect();
    let complete = access.features().len() == results.len() && ended.status.success();
    assert!(
        complete,
        "{said}\n{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    results
}
