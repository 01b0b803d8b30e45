//! A machine that runs, and ends with whoever started it.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::files::BootFiles;
use super::machine::PACKAGE;
use super::network::Network;
use super::ports::Forward;
use crate::hint::Fault;
use crate::process;

/// What the kernel says when QEMU's USB controller has lost its device: while it still tries, and when it gives up.
/// It doesn't always come to the second.
const LOST: [&str; 2] = ["attempt power cycle", "unable to enumerate USB device"];
/// How often that is looked for.
const REPLUG: Duration = Duration::from_secs(20);
/// Between pulling the plug and putting it in again.
const UNPLUGGED: Duration = Duration::from_secs(2);
const ADAPTER: &str = "usb-net,netdev=n0,id=adapter,port=1";

/// How to run a card.
#[derive(Debug)]
pub struct Setup<'a> {
    /// What to start.
    pub files: &'a BootFiles,
    /// The card, which is written to.
    pub card: &'a Path,
    /// In MiB; the boards have 1024 at most.
    pub memory: u64,
    /// Where the card's cable leads.
    pub network: Network,
    /// Ways in.
    pub forwards: &'a [Forward],
    /// Where the console goes.
    pub console: &'a Path,
    /// Where QEMU says what it has to say.
    pub log: &'a Path,
}

/// A running machine. Dropped, it is switched off.
#[derive(Debug)]
pub struct Qemu {
    child: Child,
    console: PathBuf,
    log: PathBuf,
    /// How far the console was shown.
    shown: u64,
    looked: Instant,
    replugged: usize,
}

impl Qemu {
    /// Switches a machine on.
    ///
    /// # Errors
    ///
    /// If QEMU is not installed, or can't be started.
    pub fn start(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let name = setup.files.machine.emulator;
        let program = process::find(name).ok_or_else(|| {
            let hint = format!("install it: `apt-get install {PACKAGE}` on Debian and Ubuntu");
            Fault::new(format!("{name} is not installed")).hint(hint)
        })?;
        let log =
            File::create(setup.log).with_context(|| format!("writing {}", setup.log.display()))?;
        let errors = log.try_clone().context("starting QEMU")?;
        let mut command = Command::new(program);
        command
            .args(arguments(setup))
            // The monitor listens here.
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors);
        let child = command.spawn().with_context(|| format!("running {name}"))?;
        Ok(Self {
            child,
            console: setup.console.to_owned(),
            log: setup.log.to_owned(),
            shown: 0,
            looked: Instant::now(),
            replugged: 0,
        })
    }

    /// Whether it still runs; an error says why it ended otherwise than well.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        match self.child.try_wait().context("waiting for QEMU")? {
            None => Ok(true),
            Some(status) if status.success() => Ok(false),
            Some(status) => {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let lines = log.lines().filter(|line| !line.contains("Slirp"));
                let said: String = lines.flat_map(|line| [line, "\n"]).collect();
                bail!(
                    "QEMU failed ({status}): {}",
                    process::last_line(said.as_bytes())
                )
            }
        }
    }

    /// QEMU's USB controller loses its device now and then while the kernel enumerates it, above all on a busy
    /// computer: then the plug is pulled and put in again. Returns whether that was so.
    pub fn keep_plugged(&mut self) -> anyhow::Result<bool> {
        if self.looked.elapsed() < REPLUG {
            return Ok(false);
        }
        self.looked = Instant::now();
        let console = fs::read(&self.console).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        let lost = LOST.iter().map(|said| console.matches(said).count()).sum();
        if lost <= self.replugged {
            return Ok(false);
        }
        self.replugged = lost;
        self.tell("device_del adapter\n")?;
        std::thread::sleep(UNPLUGGED);
        self.tell(&format!("device_add {ADAPTER}\n"))?;
        Ok(true)
    }

    /// What the console has said since this was asked last: whole lines.
    pub fn new_lines(&mut self) -> anyhow::Result<Vec<String>> {
        let mut text = Vec::new();
        let mut file = match File::open(&self.console) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).context("reading the console"),
        };
        file.seek(SeekFrom::Start(self.shown))
            .and_then(|_| file.read_to_end(&mut text))
            .context("reading the console")?;
        let end = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        self.shown += end as u64;
        let text = String::from_utf8_lossy(&text[..end]);
        Ok(text
            .lines()
            .map(|line| line.trim_end_matches('\r').to_owned())
            .collect())
    }

    /// Switches it off.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.tell("quit\n")?;
        self.child.wait().context("waiting for QEMU")?;
        Ok(())
    }

    fn tell(&mut self, command: &str) -> anyhow::Result<()> {
        let monitor = self.child.stdin.as_mut().context("QEMU has no monitor")?;
        let told = monitor
            .write_all(command.as_bytes())
            .and_then(|()| monitor.flush());
        told.context("speaking to QEMU's monitor")
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn arguments(setup: &Setup<'_>) -> Vec<String> {
    let files = setup.files;
    // In QEMU's options a comma is written twice.
    let path = |path: &Path| path.display().to_string();
    let option = |text: &Path| path(text).replace(',', ",,");
    let mut arguments: Vec<String> = Vec::new();
    let mut add = |name: &str, value: String| arguments.extend([format!("-{name}"), value]);
    add("M", files.machine.name.to_owned());
    add("smp", "4".to_owned());
    add("m", setup.memory.to_string());
    add("display", "none".to_owned());
    add("monitor", "stdio".to_owned());
    add("kernel", path(&files.kernel));
    if let Some(initrd) = &files.initrd {
        add("initrd", path(initrd));
    }
    add("dtb", path(&files.device_tree));
    add(
        "append",
        format!("{} console=ttyAMA0,115200", files.cmdline),
    );
    add(
        "drive",
        format!("file={},format=raw,if=sd,cache=unsafe", option(setup.card)),
    );
    add("device", ADAPTER.to_owned());
    add("netdev", setup.network.options(setup.forwards));
    add("serial", format!("file:{}", option(setup.console)));
    add("serial", "null".to_owned());
    arguments
}
