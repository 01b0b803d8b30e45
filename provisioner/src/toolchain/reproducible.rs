//! The same broker from the same source: in whatever folder, by whomever and whenever it is compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use anyhow::Context;

use super::source::BrokerSource;
use super::target::Target;
use crate::process;

/// The names under which a broker knows the folders that it was compiled from.
const ROOT: &str = "/mqtt-broker";
const BUILT: &str = "/mqtt-broker/target";
const CRATES: &str = "/cargo";

/// What separates flags in `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\u{1f}";

impl BrokerSource {
    /// The date that the broker takes for that of its making, in seconds after the epoch: that of the last commit
    /// to its source, else `SOURCE_DATE_EPOCH`, else that of its newest file.
    pub fn date(&self) -> anyhow::Result<u64> {
        let said = || {
            let text = std::env::var("SOURCE_DATE_EPOCH").ok()?;
            text.trim().parse().ok()
        };
        match self.last_commit().or_else(said) {
            Some(date) => Ok(date),
            None => self.newest_file(),
        }
    }

    /// `None` without git, and in a folder that it doesn't know.
    fn last_commit(&self) -> Option<u64> {
        let mut git = Command::new("git");
        git.args(["log", "-1", "--format=%ct", "--", "broker", "Cargo.lock"])
            .current_dir(self.root());
        process::output(&mut git).ok()?.trim().parse().ok()
    }

    fn newest_file(&self) -> anyhow::Result<u64> {
        let mut newest = 0;
        for file in self.files()? {
            let about = fs::metadata(&file).and_then(|about| about.modified());
            let modified = about.with_context(|| format!("reading {}", file.display()))?;
            let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
            newest = newest.max(since.as_secs());
        }
        Ok(newest)
    }
}

/// Keeps the date and the names of this computer's folders out of what `cargo` makes.
pub(super) fn settle(
    cargo: &mut Command,
    source: &BrokerSource,
    target: Target,
    target_dir: &Path,
    date: u64,
) {
    let places = places(source.root(), target_dir);
    // Of several that fit the compiler takes the last one.
    let flags: Vec<_> = places
        .iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect();
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join(SEPARATOR));
    cargo.env("SOURCE_DATE_EPOCH", date.to_string());
    // The C compiler takes the first one, and its flags are cut at spaces.
    let flags = places.iter().rev().filter_map(|(from, to)| {
        let from = from.to_str().filter(|from| !from.contains(' '))?;
        Some(format!("-ffile-prefix-map={from}={to}"))
    });
    let flags: Vec<_> = flags.collect();
    let name = format!("CFLAGS_{}", target.triple().replace('-', "_"));
    let own = std::env::var(&name).unwrap_or_default();
    cargo.env(name, format!("{own} {}", flags.join(" ")).trim());
}

fn places(root: &Path, target_dir: &Path) -> Vec<(PathBuf, &'static str)> {
    let crates = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let mut places = vec![(root.to_owned(), ROOT), (target_dir.to_owned(), BUILT)];
    places.extend(crates.map(|crates| (crates, CRATES)));
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fsio::{Access, create_directory, write_atomic};

    const MANIFEST: &str = "[package]\nname = \"broker\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\
                            [profile.release]\nstrip = \"symbols\"\n[workspace]\n";
    /// Says the time and the folder that it was built at.
    const PROGRAM: &str = "fn main() { panic!(\"{} {} {}\", env!(\"BUILT\"), file!(), include_str!(concat!(env!(\"OUT_DIR\"), \"/x\"))) }\n";
    const SCRIPT: &str = "fn main() {\n\
        let built = std::env::var(\"SOURCE_DATE_EPOCH\").unwrap();\n\
        println!(\"cargo::rustc-env=BUILT={built}\");\n\
        std::fs::write(std::env::var(\"OUT_DIR\").unwrap() + \"/x\", \"x\").unwrap();\n}\n";

    fn compiled(root: &Path) -> Vec<u8> {
        create_directory(&root.join("src"), Access::Public).unwrap();
        for (name, text) in [
            ("Cargo.toml", MANIFEST),
            ("build.rs", SCRIPT),
            ("src/main.rs", PROGRAM),
        ] {
            write_atomic(&root.join(name), text.as_bytes(), Access::Public).unwrap();
        }
        let target_dir = root.join("out");
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(root)
            .args(["build", "--release", "--offline", "--target-dir"]);
        cargo.arg(&target_dir);
        settle(
            &mut cargo,
            &BrokerSource::at(root),
            Target::X86_64,
            &target_dir,
            1_700_000_000,
        );
        process::output(&mut cargo).unwrap();
        fs::read(target_dir.join("release/broker")).unwrap()
    }

    #[test]
    fn a_program_has_the_same_bytes_wherever_it_is_compiled_and_knows_no_folder() {
        let folders = [(), ()].map(|()| tempfile::tempdir().unwrap());
        let roots = [folders[0].path().join("a"), folders[1].path().join("b c/d")];
        let [one, other] = roots.each_ref().map(|root| compiled(root));
        assert!(one == other, "the two programs differ");
        for root in roots {
            let root = root.to_string_lossy().into_owned().into_bytes();
            assert!(!one.windows(root.len()).any(|bytes| bytes == root));
        }
        assert!(one.windows(10).any(|bytes| bytes == b"1700000000"));
    }

    #[test]
    fn a_source_that_git_does_not_know_is_as_old_as_its_newest_file() {
        let folder = tempfile::tempdir().unwrap();
        create_directory(&folder.path().join("broker/src"), Access::Public).unwrap();
        for (name, age) in [("Cargo.toml", 900), ("build.rs", 300), ("src/main.rs", 600)] {
            let path = folder.path().join("broker").join(name);
            write_atomic(&path, b"", Access::Public).unwrap();
            let modified = UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 - age);
            fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(modified)
                .unwrap();
        }
        let source = BrokerSource::at(folder.path());
        assert_eq!(source.newest_file().unwrap(), 1_699_999_700);
        assert_eq!(source.last_commit(), None);
    }
}
