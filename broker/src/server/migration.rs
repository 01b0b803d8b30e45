//! What is said to somebody who comes from Mosquitto with its database.

use std::io;
use std::path::{Path, PathBuf};

use super::shared::Shared;
use crate::log::LogType;

/// How retained messages are carried over: in hexadecimal, so that payloads may be anything. Tests run it.
const COMMAND: &str = "mosquitto_sub -p 1884 -t '#' --retained-only -W 5 -F '%x %t' | while read -r hex topic; do \
     printf %s \"$hex\" | xxd -r -p | mosquitto_pub -r -q 1 -s -t \"$topic\"; done";

/// Says that the database at `path` is Mosquitto's, where it is now, and how to get at what is in it.
pub(super) fn tell(shared: &Shared, path: &Path, aside: &Result<PathBuf, io::Error>) {
    let warn = |text: String| {
        shared
            .log
            .log(LogType::Warning, format_args!("Warning: {text}"));
    };
    let shown = path.display();
    let aside = match aside {
        Ok(aside) => aside,
        Err(error) => {
            warn(format!(
                "{shown} is a database of Mosquitto's, which this broker does not read. It is not damaged, but could \
                 not be moved out of the way ({error}) and will be overwritten."
            ));
            return;
        }
    };
    warn(format!(
        "{shown} is a database of Mosquitto's, which this broker does not read. It is not damaged, and is kept as {}. \
         Starting without retained messages and sessions.",
        aside.display()
    ));
    let folder = aside.parent().unwrap_or(Path::new("")).display();
    let name = Path::new(aside.file_name().unwrap_or_default()).display();
    warn(format!(
        "to bring its retained messages over, run `mosquitto -c FILE` with these lines in FILE: `listener 1884 \
         127.0.0.1`, `allow_anonymous true`, `persistence true`, `persistence_location {folder}/`, `persistence_file \
         {name}`; then, with -u and -P after mosquitto_pub for a user who may write them all: {COMMAND}"
    ));
}
