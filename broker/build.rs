//! Tells the broker when it was built: the earliest time that a clock can rightly say.

use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Whoever wants the same binary twice says the time, as the reproducible-builds project has it.
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let said = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|seconds| seconds.parse::<u64>().ok());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    println!("cargo::rustc-env=BUILD_TIME={}", said.unwrap_or(now));
}
