//! `mqtt-broker acl`: who may do what, and which line says so.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, ValueEnum};
use thiserror::Error;

use super::say;
use crate::acl::{self, Access, Acl, AclFile, Decision, Reason};
use crate::cli::EXIT_INVALID;
use crate::config::{Config, ConfigError, Endpoint, Listener, Protocol};
use crate::topic::{self, TopicError};

/// The configuration where none is named: the one that the service is started with.
const DEFAULT_CONFIG: &str = "/etc/mqtt-broker/broker.conf";

/// The access is refused.
const REFUSED: u8 = 1;

/// What the command line asks.
#[derive(Debug, Parser)]
#[command(
    name = "mqtt-broker acl",
    about = "Says whether a client may read or write a topic, and which line decides.",
    after_help = "Exit codes: 0 allowed, 1 refused, 3 the question or a file is wrong.",
    override_usage = "mqtt-broker acl [-c FILE [-p PORT] | --acl-file FILE] [-u USER] [-i ID] -t TOPIC [--json] read|write"
)]
struct AclArgs {
    /// The broker's configuration [default: /etc/mqtt-broker/broker.conf]
    #[arg(short = 'c', long = "config-file", value_name = "FILE")]
    config: Option<PathBuf>,

    /// Which of its listeners, where they have different ACL files
    #[arg(short, long, value_name = "PORT", conflicts_with = "acl_file")]
    port: Option<u16>,

    /// An ACL file, without a configuration
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    acl_file: Option<PathBuf>,

    /// The client's user name; without it, the client has none
    #[arg(short, long)]
    user: Option<String>,

    /// The client's identifier, for patterns with %c
    #[arg(short = 'i', long, value_name = "ID", default_value = "")]
    client_id: String,

    /// The topic of a message
    #[arg(short, long)]
    topic: String,

    /// Answer in JSON
    #[arg(long)]
    json: bool,

    /// Whether it wants to receive or to send
    access: Wanted,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Wanted {
    Read,
    Write,
}

/// Why there is no answer.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Lines(String),
    #[error("{path}: cannot read file: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "the listeners of {file} differ in acl_file or mount_point: say which with -p PORT; there are {ports}"
    )]
    Ambiguous { file: PathBuf, ports: String },
    #[error("{file} has no listener on port {port}; there are {ports}")]
    NoListener {
        file: PathBuf,
        port: u16,
        ports: String,
    },
    #[error("{topic:?} is no topic of a message: {problem}")]
    Topic { topic: String, problem: TopicError },
    #[error("cannot print: {0}")]
    Print(io::Error),
}

/// An ACL file and what stands in it.
struct Source {
    path: PathBuf,
    text: String,
    acl: Acl,
}

/// Runs `mqtt-broker acl` with what follows that on the command line.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let name = OsString::from("mqtt-broker acl");
    let args = AclArgs::try_parse_from(std::iter::once(&name).chain(arguments));
    let args = match args {
        Ok(args) => args,
        Err(error) => {
            // Nobody is left to tell if this fails.
            let _ = error.print();
            let asked_for = error.kind() == ErrorKind::DisplayHelp;
            return ExitCode::from(if asked_for { 0 } else { EXIT_INVALID });
        }
    };
    match answer(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(REFUSED),
        Err(failure) => {
            for line in failure.to_string().lines() {
                say(format_args!("Error: {line}"));
            }
            ExitCode::from(EXIT_INVALID)
        }
    }
}

fn answer(args: &AclArgs) -> Result<bool, Failure> {
    topic::validate_name(&args.topic).map_err(|problem| Failure::Topic {
        topic: args.topic.clone(),
        problem,
    })?;
    let place = match (&args.acl_file, &args.config) {
        (Some(path), _) => Place {
            acl_file: Some(path.clone()),
            mount_point: String::new(),
        },
        (None, Some(path)) => place(path, args.port)?,
        (None, None) => place(Path::new(DEFAULT_CONFIG), args.port)?,
    };
    // What the client calls its topics is not what they are called behind a mount point.
    let topic = format!("{}{}", place.mount_point, args.topic);
    let source = place.acl_file.map(Source::read).transpose()?;
    let access = match args.access {
        Wanted::Read => Access::Read,
        Wanted::Write => Access::Write,
    };
    let decision = acl::decide(
        source.as_ref().map(|source| &source.acl),
        args.user.as_deref(),
        &args.client_id,
        &topic,
        access,
    );
    let text = if args.json {
        json(args, decision, source.as_ref())
    } else {
        sentence(decision, source.as_ref())
    };
    writeln!(io::stdout(), "{text}").map_err(Failure::Print)?;
    Ok(decision.allowed)
}

/// Where a client comes to.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    acl_file: Option<PathBuf>,
    mount_point: String,
}

/// The place that a configuration makes of its listener on this port, or of all of them if they are alike.
fn place(path: &Path, port: Option<u16>) -> Result<Place, Failure> {
    let config = Config::load(path)?;
    let wanted = |listener: &&Listener| {
        listener.protocol == Protocol::Mqtt
            && port.is_none_or(|port| port_of(listener) == Some(port))
    };
    let mut places = config
        .listeners
        .iter()
        .filter(wanted)
        .map(|listener| Place {
            acl_file: listener.security.acl_file.clone(),
            mount_point: listener.mount_point.clone().unwrap_or_default(),
        });
    let Some(first) = places.next() else {
        return Err(Failure::NoListener {
            file: path.to_owned(),
            port: port.unwrap_or_default(),
            ports: ports(&config),
        });
    };
    if places.any(|other| other != first) {
        return Err(Failure::Ambiguous {
            file: path.to_owned(),
            ports: ports(&config),
        });
    }
    Ok(first)
}

fn ports(config: &Config) -> String {
    let ports = config.listeners.iter().filter_map(port_of);
    ports
        .map(|port| port.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

fn port_of(listener: &Listener) -> Option<u16> {
    match &listener.endpoint {
        Endpoint::Tcp { port, .. } | Endpoint::Loopback { port } => Some(*port),
        Endpoint::Unix(_) => None,
    }
}

impl Source {
    fn read(path: PathBuf) -> Result<Self, Failure> {
        let text = fs::read_to_string(&path).map_err(|source| Failure::Read {
            path: path.clone(),
            source,
        })?;
        let (file, errors) = AclFile::read(&text);
        if !errors.is_empty() {
            let path = path.display();
            let lines = errors
                .iter()
                .map(|error| format!("{path}:{}: {error}", error.line));
            return Err(Failure::Lines(lines.collect::<Vec<_>>().join("\n")));
        }
        Ok(Self {
            path,
            acl: Acl::from(&file),
            text,
        })
    }

    /// A line as it stands in the file, without the blanks around it.
    fn line(&self, number: usize) -> &str {
        let line = self.text.lines().nth(number.saturating_sub(1));
        line.unwrap_or_default().trim()
    }
}

/// Why, in words, where no line decides.
fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Line(_) => "this line decides",
        Reason::NoMatch => "no line allows it",
        Reason::WildcardInIdentity => {
            "there are patterns, and the user name or client id contains + or #"
        }
        Reason::NoFile => "there is no acl_file: everything is allowed",
        Reason::Reserved => "nobody but the broker writes below $SYS",
    }
}

fn sentence(decision: Decision, source: Option<&Source>) -> String {
    let verdict = if decision.allowed {
        "allowed"
    } else {
        "refused"
    };
    match (decision.reason, source) {
        (Reason::Line(number), Some(source)) => {
            let (path, line) = (source.path.display(), source.line(number));
            format!("{verdict}: {path}:{number}: {line}")
        }
        (reason @ (Reason::NoMatch | Reason::WildcardInIdentity), Some(source)) => {
            format!("{verdict}: {}: {}", source.path.display(), why(reason))
        }
        (reason, _) => format!("{verdict}: {}", why(reason)),
    }
}

fn json(args: &AclArgs, decision: Decision, source: Option<&Source>) -> String {
    let number = match decision.reason {
        Reason::Line(number) => Some(number),
        _ => None,
    };
    let reason = match decision.reason {
        Reason::Line(_) => "line",
        Reason::NoMatch => "no-match",
        Reason::WildcardInIdentity => "wildcard-in-identity",
        Reason::NoFile => "no-file",
        Reason::Reserved => "reserved",
    };
    let access = match args.access {
        Wanted::Read => "read",
        Wanted::Write => "write",
    };
    let file = source.map(|source| source.path.to_string_lossy());
    let text = source.and_then(|source| number.map(|number| source.line(number)));
    let number = number.map_or_else(|| "null".to_owned(), |number| number.to_string());
    format!(
        "{{\"version\":1,\"allowed\":{},\"user\":{},\"client_id\":{},\"topic\":{},\"access\":\"{access}\",\
         \"reason\":\"{reason}\",\"file\":{},\"line\":{number},\"text\":{}}}",
        decision.allowed,
        quoted(args.user.as_deref()),
        quoted(Some(&args.client_id)),
        quoted(Some(&args.topic)),
        quoted(file.as_deref()),
        quoted(text),
    )
}

/// A string of JSON (RFC 8259 section 7), or null.
fn quoted(text: Option<&str>) -> String {
    let Some(text) = text else {
        return "null".to_owned();
    };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a String does not fail; control characters are below U+10000.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
