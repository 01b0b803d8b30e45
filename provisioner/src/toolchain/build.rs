//! Cross-compiling the broker with cargo, once for each state of its source.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use data_encoding::HEXLOWER;
use image::Progress;
use sha2::{Digest, Sha256};

use super::elf::ElfFacts;
use super::reproducible;
use super::source::BrokerSource;
use super::target::Target;
use crate::fsio::{self, Access, Lock};
use crate::hint::{Fault, Interrupted};
use crate::process;

/// The cargo profile for the Pi: small.
const PROFILE: &str = "pi";

/// A broker for a target, looked into.
#[derive(Debug, Clone)]
pub struct BrokerBinary {
    /// The file.
    pub path: PathBuf,
    /// Its contents.
    pub bytes: Vec<u8>,
    /// What it needs.
    pub facts: ElfFacts,
}

/// Returns the broker that the user names, which needs no compiler.
///
/// # Errors
///
/// A file that can't be read, or that is no program for `target`.
pub fn ready_made(target: Target, path: &Path) -> anyhow::Result<BrokerBinary> {
    let bytes = fs::read(path)
        .map_err(|error| Fault::input(error.to_string()))
        .with_context(|| format!("reading broker {}", path.display()))?;
    look_into(target, path.to_owned(), bytes)
}

/// Returns the broker in the cache that was built for `target` from this very source, else builds it.
///
/// # Errors
///
/// A missing compiler, linker or standard library is named with its cure before cargo starts.
pub fn compiled(
    target: Target,
    cache: &Path,
    progress: &mut dyn Progress,
) -> anyhow::Result<BrokerBinary> {
    let path = built(target, cache, progress)?;
    let bytes = fs::read(&path).with_context(|| format!("reading broker {}", path.display()))?;
    look_into(target, path, bytes)
}

/// Whether the broker for `target` is in the cache that would be built from the source as it is.
pub fn is_cached(target: Target, cache: &Path) -> bool {
    cached_path(target, cache).is_ok_and(|(path, ..)| path.exists())
}

fn look_into(target: Target, path: PathBuf, bytes: Vec<u8>) -> anyhow::Result<BrokerBinary> {
    let refused = |error| format!("broker {} can't be used: {error}", path.display());
    let facts = ElfFacts::read(&bytes).map_err(|error| Fault::input(refused(error)))?;
    if let Err(error) = facts.check(target, None) {
        let mut others = Target::ALL.into_iter().filter(|other| other.is_pi());
        let hint = match others.find(|other| facts.check(*other, None).is_ok()) {
            Some(other) => format!("it fits --target {other}"),
            None => format!("name one that is built for {}", target.triple()),
        };
        return Err(Fault::input(refused(error)).hint(hint).into());
    }
    Ok(BrokerBinary { path, bytes, facts })
}

fn built(target: Target, cache: &Path, progress: &mut dyn Progress) -> anyhow::Result<PathBuf> {
    let (path, source, compiler, date) = cached_path(target, cache)?;
    if path.exists() {
        return Ok(path);
    }
    let folder = cache.join("brokers").join(target.name());
    fsio::create_directory(&folder, Access::Public)?;
    let _lock = wait_for_lock(&folder.join(".lock"), progress)?;
    if !path.exists() {
        let fresh = compile(
            &source,
            &compiler,
            target,
            (&cache.join("target"), date),
            progress,
        )?;
        let bytes = fs::read(&fresh).with_context(|| format!("reading {}", fresh.display()))?;
        fsio::write_atomic(&path, &bytes, Access::Public)?;
    }
    Ok(path)
}

/// Where the broker lies once it is built, and what it is built from and with.
fn cached_path(
    target: Target,
    cache: &Path,
) -> anyhow::Result<(PathBuf, BrokerSource, Compiler, u64)> {
    let source = BrokerSource::find()?;
    let compiler = Compiler::find(target)?;
    let date = source.date()?;
    let digest = compiler.digest(&source, target, date)?;
    let folder = cache.join("brokers").join(target.name());
    let path = folder.join(format!("mqtt-broker-{}", &digest[..16]));
    Ok((path, source, compiler, date))
}

/// A Rust compiler that has the target's standard library.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// `RUSTC` for cargo; `None` is cargo's own choice.
    rustc: Option<PathBuf>,
    version: String,
}

/// Finds cargo.
pub fn find_cargo() -> Result<PathBuf, Fault> {
    process::find("cargo").ok_or_else(|| {
        Fault::new("cargo was not found, and the broker has to be compiled").hint(INSTALL_RUST)
    })
}

/// Finds the C compiler that links for `target`.
pub fn find_linker(target: Target) -> Result<PathBuf, Fault> {
    process::find(target.linker()).ok_or_else(|| {
        let text = format!(
            "{} was not found, and the broker for {target} has to be linked",
            target.linker()
        );
        Fault::new(text).hint(format!("sudo apt-get install {}", target.packages()))
    })
}

impl Compiler {
    fn find(target: Target) -> anyhow::Result<Self> {
        find_cargo()?;
        find_linker(target)?;
        Self::with_library(target)
    }

    /// The toolchain's own compiler, else Debian's, which may have the library where rustup has not.
    pub fn with_library(target: Target) -> anyhow::Result<Self> {
        let debian = PathBuf::from("/usr/bin/rustc");
        for rustc in [None, Some(debian)] {
            let program = rustc.clone().unwrap_or_else(|| PathBuf::from("rustc"));
            if has_library(&program, target) {
                let version = process::output(Command::new(&program).arg("-vV"))?;
                return Ok(Self { rustc, version });
            }
        }
        let text = format!(
            "Rust's standard library for {} is not installed",
            target.triple()
        );
        Err(Fault::new(text)
            .hint(format!("rustup target add {}", target.triple()))
            .into())
    }

    /// The first line of what it says about itself: `rustc 1.95.0 (…)`.
    pub fn version(&self) -> &str {
        self.version.lines().next().unwrap_or_default()
    }

    fn digest(&self, source: &BrokerSource, target: Target, date: u64) -> anyhow::Result<String> {
        let parts = [
            source.digest(target)?,
            self.version.clone(),
            target.triple().to_owned(),
            PROFILE.to_owned(),
            date.to_string(),
        ];
        Ok(HEXLOWER.encode(&Sha256::digest(parts.join("\n"))))
    }
}

const INSTALL_RUST: &str =
    "install Rust with rustup, or name a ready-made broker with --broker FILE";

fn has_library(rustc: &Path, target: Target) -> bool {
    let printed = process::output(Command::new(rustc).args([
        "--print",
        "target-libdir",
        "--target",
        target.triple(),
    ]));
    let Ok(folder) = printed else { return false };
    let Ok(mut entries) = fs::read_dir(folder.trim()) else {
        return false;
    };
    entries.any(|entry| {
        entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

fn wait_for_lock(path: &Path, progress: &mut dyn Progress) -> anyhow::Result<Lock> {
    const INTERVAL: std::time::Duration = std::time::Duration::from_millis(200);
    let mut said = false;
    loop {
        if let Some(lock) = Lock::try_take(path)? {
            return Ok(lock);
        }
        if !said {
            progress.warn("another command is building the broker; waiting for it");
            said = true;
        }
        std::thread::sleep(INTERVAL);
    }
}

fn compile(
    source: &BrokerSource,
    compiler: &Compiler,
    target: Target,
    (target_dir, date): (&Path, u64),
    progress: &mut dyn Progress,
) -> anyhow::Result<PathBuf> {
    // The broker itself comes on top.
    let total = source
        .dependencies(target)
        .map(|crates| crates.len() as u64 + 1)
        .ok();
    progress.begin(&format!("Compiling broker for {target}"), total);
    let mut command = cargo(source, compiler);
    command.args([
        "build",
        "--locked",
        "--package",
        "broker",
        "--bin",
        "mqtt-broker",
        "--profile",
        PROFILE,
    ]);
    command
        .args([
            "--target",
            target.triple(),
            "--message-format",
            "json",
            "--target-dir",
        ])
        .arg(target_dir);
    let triple = target.triple();
    let upper = triple.to_uppercase().replace('-', "_");
    command.env(format!("CARGO_TARGET_{upper}_LINKER"), target.linker());
    command.env(format!("CC_{}", triple.replace('-', "_")), target.linker());
    reproducible::settle(&mut command, source, target, target_dir, date);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("starting cargo")?;
    let (executable, errors) = follow(&mut child, progress)?;
    let status = child.wait().context("waiting for cargo")?;
    if !status.success() {
        bail!(
            "compiling the broker failed ({status})\n{}",
            errors.trim_end()
        );
    }
    let executable = executable.context("cargo made no mqtt-broker")?;
    progress.end(&format!("Compiled broker for {target}"));
    Ok(executable)
}

/// Reads cargo's messages to the end: reports each crate, keeps errors, finds the executable.
fn follow(
    child: &mut Child,
    progress: &mut dyn Progress,
) -> anyhow::Result<(Option<PathBuf>, String)> {
    let stdout = child.stdout.take().context("cargo has no output")?;
    let mut stderr = child.stderr.take().context("cargo has no output")?;
    // Read beside the messages, or cargo would block on a full pipe.
    let rest = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stderr.read_to_string(&mut text);
        text
    });
    let (mut executable, mut errors) = (None, String::new());
    for line in BufReader::new(stdout).lines() {
        let line = line.context("reading what cargo printed")?;
        if progress.cancelled() {
            // It may have ended by the same Ctrl-C.
            let _ = child.kill();
            return Err(Interrupted.into());
        }
        let Ok(message) = serde_json::from_str::<serde_json::Value>(&line) else {
            continue;
        };
        match message["reason"].as_str() {
            Some("compiler-artifact") => {
                progress.detail(message["target"]["name"].as_str().unwrap_or_default());
                progress.advance(1);
                if let Some(path) = message["executable"].as_str() {
                    executable = Some(PathBuf::from(path));
                }
            }
            Some("compiler-message") if message["message"]["level"] == "error" => {
                errors.push_str(message["message"]["rendered"].as_str().unwrap_or_default());
            }
            _ => {}
        }
    }
    let rest = rest.join().unwrap_or_default();
    if errors.is_empty() {
        errors = rest
            .lines()
            .filter(|line| !line.trim_start().starts_with("Compiling "))
            .collect::<Vec<_>>()
            .join("\n");
    }
    Ok((executable, errors))
}

fn cargo(source: &BrokerSource, compiler: &Compiler) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(source.root());
    // What a surrounding `cargo run` or `cargo test` set for itself is not meant for this build.
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_RUSTFLAGS",
    ] {
        command.env_remove(name);
    }
    if let Some(rustc) = &compiler.rustc {
        command.env("RUSTC", rustc);
    }
    command
}
