//! The process: from its command line to its exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use super::activation::Inherited;
use super::error::ServerError;
use super::reload::{self, Loaded};
use super::{checkup, descriptors, life, privileges};
use crate::cli::{Args, EXIT_INVALID, Stop, Stream};
use crate::config::{Config, Diagnostic, LogDestination, LogSettings};
use crate::log::{LogType, Logger, syslog_problem};

/// How long the last lines of the log may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Threads for files and passwords. More would only wait for each other.
const BLOCKING_THREADS: usize = 8;

/// Runs the broker as its command line says, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::parse_from(arguments) {
        Ok(args) => args,
        Err(stop) => return print(&stop),
    };
    if let Some(command) = &args.command {
        return print(&command.run());
    }
    if args.test_config {
        let report = checkup::checkup(&args);
        let _ = io::stderr().write_all(report.stderr.as_bytes());
        let _ = io::stdout().write_all(report.stdout.as_bytes());
        return ExitCode::from(report.code);
    }
    match start(&args) {
        Ok(code) => code,
        Err(error) => {
            say(&error);
            ExitCode::from(if error.is_configuration() {
                EXIT_INVALID
            } else {
                1
            })
        }
    }
}

fn print(stop: &Stop) -> ExitCode {
    // Nobody is left to tell if this fails.
    let _ = match stop.stream {
        Stream::Stdout => io::stdout().write_all(stop.text.as_bytes()),
        Stream::Stderr => io::stderr().write_all(stop.text.as_bytes()),
    };
    ExitCode::from(stop.code)
}

fn say(error: &ServerError) {
    // Each error of a configuration is a line of its own that begins with its file.
    let text = error.with_causes();
    let lines = text.lines().map(|line| format!("Error: {line}\n"));
    let _ = io::stderr().write_all(lines.collect::<String>().as_bytes());
}

fn start(args: &Args) -> Result<ExitCode, ServerError> {
    descriptors::raise();
    let inherited = Inherited::take();
    let loaded = Loaded::read(reload::find(args)?)?;
    let config = &loaded.config;
    privileges::check(config)?;
    if args.daemon {
        daemonize(args)?;
        return Ok(ExitCode::SUCCESS);
    }
    let log = Logger::new(&config.log).map_err(|error| ServerError::from(error).named(config))?;
    greet(&log, &loaded);
    if config.log.destinations == [LogDestination::Syslog] {
        // Where the log goes nobody would see it.
        let problem = syslog_problem(&config.log).map(|problem| format!("Warning: {problem}\n"));
        let _ = io::stderr().write_all(problem.unwrap_or_default().as_bytes());
    }
    let on_terminal = reaches_terminal(&config.log);
    let outcome = live(args, loaded, inherited, &log);
    if let Err(error) = outcome {
        log.log(
            LogType::Error,
            format_args!("Error: {}.", error.with_causes()),
        );
        log.flush(LAST_WORDS);
        if !on_terminal {
            say(&error);
        }
        return Ok(ExitCode::FAILURE);
    }
    log.flush(LAST_WORDS);
    Ok(ExitCode::SUCCESS)
}

/// Whether somebody who started the broker by hand sees the errors it logs.
fn reaches_terminal(log: &LogSettings) -> bool {
    let terminal = [LogDestination::Stdout, LogDestination::Stderr];
    log.types.contains(LogType::Error) && log.destinations.iter().any(|to| terminal.contains(to))
}

/// Reads the configuration, and puts the command line over it.
pub(super) fn load(args: &Args) -> Result<Config, ServerError> {
    let mut config = match &args.config {
        Some(path) => Config::load(path)?,
        None => Config::local(),
    };
    args.apply(&mut config);
    Ok(config)
}

fn greet(log: &Logger, loaded: &Loaded) {
    let config = &loaded.config;
    log.log(
        LogType::Information,
        format_args!("{} starting", super::sys::VERSION),
    );
    match &config.file {
        Some(path) => log.log(
            LogType::Information,
            format_args!("Config loaded from {}.", path.display()),
        ),
        None => log.log(LogType::Information, "Using default config."),
    }
    if config.local_only {
        let text = "Starting in local only mode. Connections will only be possible from clients running on this machine.";
        log.log(LogType::Information, text);
        let text = "Create a configuration file which defines a listener to allow remote access.";
        log.log(LogType::Information, text);
    }
    loaded.warn(log);
}

/// Logs what is legal but unwise.
pub(super) fn warn(log: &Logger, warnings: &[Diagnostic]) {
    for warning in warnings {
        log.log(LogType::Warning, format_args!("Warning: {warning}"));
    }
}

fn live(
    args: &Args,
    loaded: Loaded,
    inherited: Inherited,
    log: &Logger,
) -> Result<(), ServerError> {
    let system = |what| move |source| ServerError::System { what, source };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(system("start the threads that serve clients"))?;
    let outcome = runtime.block_on(life::live(args, loaded, inherited, log));
    // A name that is looked up, or a password that is checked, for nobody any more.
    runtime.shutdown_background();
    outcome
}

/// Starts this program again without the terminal, and leaves it to itself.
///
/// The child has a process group of its own and no open stream: what is typed at the terminal, and its end,
/// do not reach it.
fn daemonize(args: &Args) -> Result<(), ServerError> {
    let system = |source| ServerError::System {
        what: "start in the background",
        source,
    };
    let program = std::env::current_exe().map_err(system)?;
    let mut command = Command::new(program);
    if let Some(path) = &args.config {
        command.arg("-c").arg(path);
    }
    for port in &args.ports {
        command.arg("-p").arg(port.to_string());
    }
    if args.verbose {
        command.arg("-v");
    }
    if args.quiet {
        command.arg("-q");
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().map_err(system)?;
    Ok(())
}
