//! `provision boot`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use image::inspect::Inspection;
use image::{Card, Progress as _, Scratch};
use serde_json::{Value, json};

use crate::boot::{
    self, BootFiles, Expected, Forward, Known, Machine, Network, Proved, Qemu, Setup, Ways,
};
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::look;
use crate::output::{Output, duration};
use crate::recipe::Size;

/// Between two looks at a machine that only has to run.
const PAUSE: Duration = Duration::from_millis(500);
/// Lines of the console that are shown when something went wrong.
const LAST_LINES: usize = 20;

/// Boots a copy of an image in QEMU and says how to reach it. The image is not changed.
///
/// With --check it waits until the broker takes a login and a message over TLS and the system has come up
/// over SSH, and ends: with 0 if both is so, with 3 if not in time. Without, it runs until Ctrl-C. Everything
/// is emulated: a boot takes minutes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision boot pi.img\n  \
                        provision boot pi.img --check\n  \
                        provision boot pi.img --port-ssh 2222 --port-mqtt 8883 --console console.log")]
pub struct BootArgs {
    /// The image, packed or not.
    #[arg(value_name = "IMG")]
    image: PathBuf,
    /// Prove that broker and system work, then end.
    #[arg(long)]
    check: bool,
    /// The port of 127.0.0.1 that leads to SSH [default: a free one].
    #[arg(long, value_name = "N")]
    port_ssh: Option<u16>,
    /// The port of 127.0.0.1 that leads to the broker [default: a free one].
    #[arg(long, value_name = "N")]
    port_mqtt: Option<u16>,
    /// A further port of 127.0.0.1 and the card's that it leads to; repeatable.
    #[arg(long, value_name = "HERE:THERE")]
    forward: Vec<Forward>,
    /// The memory of the board; it has 1 GiB at most.
    #[arg(long, value_name = "SIZE", default_value = "1G")]
    memory: Size,
    /// Write the console into this file, or with - show it.
    #[arg(long, value_name = "FILE|-")]
    console: Option<PathBuf>,
    /// Keep what the card has become, as this image.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// How long --check may take [default: 1200, for 32-bit boards 2400].
    #[arg(long, value_name = "SECONDS", requires = "check")]
    timeout: Option<u64>,
    /// Which of the site's hosts it is [default: the one of the card's name].
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
}

/// Runs the command.
pub fn run(args: &BootArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let memory = memory(args.memory)?;
    let opened = look::open(&args.image, output)?;
    let inspected = image::inspect::inspect(&opened.card).map_err(image::Error::from)?;
    let (network, known) = (
        Network::of(&inspected)?,
        known(args, global, &inspected, output)?,
    );
    let folder = tempfile::Builder::new().prefix("boot-").tempdir();
    let folder = folder.context("making a folder for the kernel")?;
    let files = BootFiles::take(&opened.card, folder.path())?;
    output.watch_interrupts().context("watching for Ctrl-C")?;
    let card = copy(args, &opened.card, output)?;
    let ways = Ways::new(args.port_ssh, args.port_mqtt, &known)?;
    let console = match &args.console {
        Some(path) if path != Path::new("-") => path.clone(),
        _ => folder.path().join("console.log"),
    };
    let mut qemu = Qemu::start(&Setup {
        files: &files,
        card: card.path(),
        memory,
        network,
        forwards: &[ways.forwards(), args.forward.clone()].concat(),
        console: &console,
        log: &folder.path().join("qemu.log"),
    })?;
    let machine = files.machine;
    let (model, emulator, name) = (machine.model, machine.emulator, machine.name);
    output.status(&format!("Started {model} ({emulator} -M {name})"));
    output.note(&ways.told(&known, &folder.path().join("known_hosts"))?);
    let running = Running {
        args,
        machine,
        known: &known,
        ways,
        output,
    };
    let ended = if args.check {
        running.check(&mut qemu)
    } else {
        running.idle(&mut qemu)
    };
    if !matches!(ended, Ok(ExitStatus::Success)) {
        show_end(&console, output);
    }
    finish(args, qemu, card, output)?;
    ended
}

/// What the site has for the card. Without one it boots all the same, but nothing can be proved.
fn known(
    args: &BootArgs,
    global: &Global,
    card: &Inspection,
    output: &Output,
) -> anyhow::Result<Known> {
    let known = match Known::of(&global.site, args.host.as_deref(), card) {
        Ok(known) => known,
        Err(error) if args.check => return Err(error),
        Err(error) => {
            output.warn(&format!("the site can't be used: {error:#}"));
            Known::without_site(&global.site, card)
        }
    };
    if args.check && known.host.is_none() {
        let site = global.site.display();
        let text =
            format!("--check needs the site that the card was made with, and {site} is none");
        return Err(Fault::input(text).hint("name it: --site DIR").into());
    }
    Ok(known)
}

/// The board's memory in MiB.
fn memory(size: Size) -> anyhow::Result<u64> {
    let mib = size.bytes() >> 20;
    if (128..=1024).contains(&mib) {
        return Ok(mib);
    }
    Err(Fault::input(format!("--memory {size}: the boards have 128 MiB to 1 GiB")).into())
}

/// The copy that boots, where there is room, or where it shall stay.
fn copy(args: &BootArgs, image: &Card, output: &Output) -> anyhow::Result<Scratch> {
    let mut task = output.task();
    let copied = if let Some(keep) = &args.keep {
        Scratch::copy_for(image.path(), keep, &mut task)
    } else {
        let cache = fsio::cache_directory()?;
        fsio::create_directory(&cache, Access::Public)?;
        Scratch::copy(image.path(), &cache, &mut task)
    };
    let mut copy = copied.map_err(image::Error::from)?;
    let size = boot::card_size(image.size());
    copy.set_size(size).map_err(image::Error::from)?;
    Ok(copy)
}

/// A card that runs.
struct Running<'a> {
    args: &'a BootArgs,
    machine: &'static Machine,
    known: &'a Known,
    ways: Ways,
    output: &'a Output,
}

impl Running<'_> {
    fn object(&self) -> Value {
        json!({
            "version": 1,
            "image": self.args.image,
            "board": self.machine.model,
            "ssh": self.ways.ssh.here,
            "mqtt": self.ways.mqtt.here,
        })
    }

    /// Shows a line of the console, if that is wanted.
    fn tell(&self, line: &str) {
        if self.args.console.as_deref() == Some(Path::new("-")) {
            self.output.note(line);
        } else {
            self.output.detail(line);
        }
    }

    /// Lets the card run until it ends or somebody wants it to.
    fn idle(&self, qemu: &mut Qemu) -> anyhow::Result<ExitStatus> {
        if self.output.policy().json {
            self.output.json(&self.object())?;
        }
        self.output.note("Ctrl-C ends it.");
        let task = self.output.task();
        while qemu.is_running()? && !task.cancelled() {
            qemu.keep_plugged()?;
            for line in qemu.new_lines()? {
                self.tell(&look::console(&line));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(ExitStatus::Success)
    }

    fn check(&self, qemu: &mut Qemu) -> anyhow::Result<ExitStatus> {
        let limit = self.args.timeout.unwrap_or(self.machine.patience);
        let begun = Instant::now();
        let mut task = self.output.task();
        task.begin("Waiting for the card", None);
        let watch = self.output.task();
        let mut expected = Expected {
            deadline: begun + Duration::from_secs(limit),
            cancelled: &|| watch.cancelled(),
            tell: &mut |line| {
                let line = look::console(line);
                task.detail(&line);
                self.tell(&line);
            },
        };
        let proof = self.known.proof(self.ways.mqtt.here)?;
        let broker = Try {
            outcome: boot::wait_for_broker(qemu, &mut expected, &proof)?,
            after: begun.elapsed(),
        };
        let login = self.known.login(self.ways.ssh.here)?;
        let system = match login.filter(|_| broker.outcome.is_ok()) {
            None => None,
            Some((to, login)) => Some(Try {
                outcome: boot::wait_for_system(qemu, &mut expected, &to, &login)?,
                after: begun.elapsed(),
            }),
        };
        drop(task);
        self.report(&broker, system.as_ref())
    }

    fn report(
        &self,
        broker: &Try<()>,
        system: Option<&Try<Vec<String>>>,
    ) -> anyhow::Result<ExitStatus> {
        say(broker, system, self.output);
        let has_come_up =
            system.is_none_or(|system| matches!(&system.outcome, Ok(failed) if failed.is_empty()));
        let works = broker.outcome.is_ok() && has_come_up;
        if self.output.policy().json {
            let mut value = self.object();
            value["works"] = json!(works);
            value["broker"] = broker.object();
            value["system"] = system.map_or(Value::Null, |system| {
                let mut value = system.object();
                value["failed_units"] = json!(system.outcome.as_deref().unwrap_or_default());
                value
            });
            self.output.json(&value)?;
        }
        Ok(if works {
            ExitStatus::Success
        } else {
            ExitStatus::Findings
        })
    }
}

/// How something was proved, or was not, and after how long.
struct Try<T> {
    outcome: Proved<T>,
    after: Duration,
}

impl<T> Try<T> {
    fn object(&self) -> Value {
        json!({ "error": self.outcome.as_ref().err(), "seconds": self.after.as_secs() })
    }
}

fn say(broker: &Try<()>, system: Option<&Try<Vec<String>>>, output: &Output) {
    let after = duration(broker.after);
    match &broker.outcome {
        Ok(()) => output.status(&format!("Proved the broker over TLS, after {after}")),
        Err(why) => output.warn(&format!("the broker did not answer in time: {why}")),
    }
    let Some(system) = system else { return };
    let after = duration(system.after);
    match &system.outcome {
        Ok(failed) if failed.is_empty() => {
            output.status(&format!(
                "Proved the system over SSH, after {after}: no unit has failed"
            ));
        }
        Ok(failed) => output.warn(&format!("units have failed: {}", failed.join(", "))),
        Err(why) => output.warn(&format!("the system did not come up in time: {why}")),
    }
}

/// The last lines of the console, which say most about what went wrong.
fn show_end(console: &Path, output: &Output) {
    let text = std::fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
        output.note(&format!("  {}", look::console(line.trim_end_matches('\r'))));
    }
}

/// Switches off, and keeps the card if that is wanted.
fn finish(args: &BootArgs, qemu: Qemu, card: Scratch, output: &Output) -> anyhow::Result<()> {
    // A machine that ended by itself has no monitor any more.
    drop(qemu.stop());
    if let Some(keep) = &args.keep {
        card.keep().map_err(image::Error::from)?;
        output.status(&format!("Kept {}", keep.display()));
    }
    Ok(())
}
