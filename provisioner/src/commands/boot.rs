//! `provision boot`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use image::{Progress as _, Scratch};
use serde_json::{Value, json};

use crate::boot::{self, BootFiles, Expected, Forward, Known, Qemu, Setup, Ways};
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
    /// A further port of 127.0.0.1 and the card's that it leads to; may be given several times.
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
    let known = match Known::of(&global.site, args.host.as_deref(), &inspected) {
        Ok(known) => known,
        Err(error) if args.check => return Err(error),
        // It boots all the same.
        Err(error) => {
            output.warn(&format!("the site can't be used: {error:#}"));
            Known::without_site(&global.site, &inspected)
        }
    };
    let folder = tempfile::Builder::new().prefix("boot-").tempdir();
    let folder = folder.context("making a folder for the kernel")?;
    let files = BootFiles::take(&opened.card, folder.path())?;
    if args.check && known.host.is_none() {
        let text = format!(
            "--check needs the site that the card was made with, and {} is none",
            global.site.display()
        );
        return Err(Fault::input(text).hint("name it: --site DIR").into());
    }
    output.watch_interrupts().context("watching for Ctrl-C")?;
    let mut card = copy(args, opened.card.path(), output)?;
    card.set_size(boot::card_size(opened.card.size()))
        .map_err(image::Error::from)?;
    let ways = Ways::new(args.port_ssh, args.port_mqtt, &known)?;
    let forwards = [ways.forwards(), args.forward.clone()].concat();
    let console = match &args.console {
        Some(path) if path != Path::new("-") => path.clone(),
        _ => folder.path().join("console.log"),
    };
    let setup = Setup {
        files: &files,
        card: card.path(),
        memory,
        forwards: &forwards,
        console: &console,
        log: &folder.path().join("qemu.log"),
    };
    let mut qemu = Qemu::start(&setup)?;
    output.status(&format!(
        "Started {} ({} -M {})",
        files.machine.model, files.machine.emulator, files.machine.name
    ));
    output.note(&ways.told(&known, &folder.path().join("known_hosts"))?);
    let ended = if args.check {
        check(args, &mut qemu, &files, &known, &ways, output)
    } else {
        if output.policy().json {
            output.json(&object(args, &files, &ways))?;
        }
        idle(args, &mut qemu, output).map(|()| ExitStatus::Success)
    };
    if !matches!(ended, Ok(ExitStatus::Success)) {
        show_end(&console, output);
    }
    finish(args, qemu, card, output)?;
    ended
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
fn copy(args: &BootArgs, image: &Path, output: &Output) -> anyhow::Result<Scratch> {
    let mut task = output.task();
    let copied = if let Some(keep) = &args.keep {
        Scratch::copy_for(image, keep, &mut task)
    } else {
        let cache = fsio::cache_directory()?;
        fsio::create_directory(&cache, Access::Public)?;
        Scratch::copy(image, &cache, &mut task)
    };
    Ok(copied.map_err(image::Error::from)?)
}

fn object(args: &BootArgs, files: &BootFiles, ways: &Ways) -> Value {
    json!({
        "version": 1,
        "image": args.image,
        "board": files.machine.model,
        "ssh": ways.ssh.here,
        "mqtt": ways.mqtt.here,
    })
}

/// Whether the console is to be shown; else it is only with `-v`.
fn tell(args: &BootArgs, output: &Output, line: &str) {
    let line = look::printable(line);
    if args.console.as_deref() == Some(Path::new("-")) {
        output.note(&line);
    } else {
        output.detail(&line);
    }
}

/// Lets the card run until it ends or somebody wants it to.
fn idle(args: &BootArgs, qemu: &mut Qemu, output: &Output) -> anyhow::Result<()> {
    let task = output.task();
    output.note("Ctrl-C ends it.");
    while qemu.is_running()? {
        if task.cancelled() {
            return Ok(());
        }
        qemu.keep_plugged()?;
        for line in qemu.new_lines()? {
            tell(args, output, &line);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn check(
    args: &BootArgs,
    qemu: &mut Qemu,
    files: &BootFiles,
    known: &Known,
    ways: &Ways,
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    let begun = Instant::now();
    let limit = Duration::from_secs(args.timeout.unwrap_or(files.machine.patience));
    let mut task = output.task();
    task.begin("Waiting for the broker", None);
    let watch = output.task();
    let mut expected = Expected {
        deadline: begun + limit,
        cancelled: &|| watch.cancelled(),
        tell: &mut |line| {
            task.detail(line);
            tell(args, output, line);
        },
    };
    let broker = boot::wait_for_broker(qemu, &mut expected, &known.proof(ways.mqtt.here)?)?;
    let broker_after = begun.elapsed();
    let mut system = None;
    if broker.is_ok()
        && let Some((destination, login)) = known.login(ways.ssh.here)?
    {
        system = Some(boot::wait_for_system(
            qemu,
            &mut expected,
            &destination,
            &login,
        )?);
    }
    drop(task);
    let failed_units = match &system {
        Some(Ok(units)) => units.as_slice(),
        _ => &[],
    };
    let works = broker.is_ok() && !matches!(system, Some(Err(_))) && failed_units.is_empty();
    say(
        &broker,
        system.as_ref(),
        (broker_after, begun.elapsed()),
        output,
    );
    if output.policy().json {
        let mut value = object(args, files, ways);
        value["works"] = json!(works);
        value["broker"] =
            json!({"error": broker.as_ref().err(), "seconds": broker_after.as_secs()});
        value["system"] = json!(system.as_ref().map(|system| {
            json!({"error": system.as_ref().err(), "failed_units": failed_units, "seconds": begun.elapsed().as_secs()})
        }));
        output.json(&value)?;
    }
    Ok(if works {
        ExitStatus::Success
    } else {
        ExitStatus::Findings
    })
}

fn say(
    broker: &boot::Proved<()>,
    system: Option<&boot::Proved<Vec<String>>>,
    after: (Duration, Duration),
    output: &Output,
) {
    match broker {
        Ok(()) => output.status(&format!(
            "Proved the broker over TLS, after {}",
            duration(after.0)
        )),
        Err(why) => output.warn(&format!("the broker did not answer in time: {why}")),
    }
    match system {
        None => {}
        Some(Ok(units)) if units.is_empty() => {
            output.status(&format!(
                "Proved the system over SSH, after {}: no unit has failed",
                duration(after.1)
            ));
        }
        Some(Ok(units)) => output.warn(&format!("units have failed: {}", units.join(", "))),
        Some(Err(why)) => output.warn(&format!("the system did not come up in time: {why}")),
    }
}

/// The last lines of the console, which say most about what went wrong.
fn show_end(console: &Path, output: &Output) {
    let text = std::fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
        output.note(&format!(
            "  {}",
            look::printable(line.trim_end_matches('\r'))
        ));
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
