//! `mqtt-broker passwd` and `mqtt-broker acl`, as whoever types them meets them.

mod acl;
mod passwd;
mod terminal;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a command ended, for a snapshot: the folder's name is replaced.
fn ended(folder: &Path, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-broker"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Not every command reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(folder.to_str().unwrap(), "[FOLDER]");
    format!(
        "exit: {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr)
    )
}
