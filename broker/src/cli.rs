//! The command line, as mosquitto's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::RangedU64ValueParser;
use clap::error::ErrorKind;
use clap::{Parser, Subcommand, ValueEnum};

use crate::config::{Config, LogTypes};
use crate::manual;

/// The exit code for a bad option, file or argument: Mosquitto's `MOSQ_ERR_INVAL`.
pub const EXIT_INVALID: u8 = 3;

const HELP: &str = "\
{name} version {version}

{name} is an MQTT v5.0/v3.1.1/v3.1 broker.

{usage-heading} {usage}

{options}

Commands:
{subcommands}
  passwd   Keep a password file, as mosquitto_passwd does
  acl      Say who may read or write a topic, and which line decides

Signals: HUP reads the configuration and its files again, USR1 saves, USR2 logs who is connected and
subscribed, TERM and INT save and end.
";

/// What the program is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invocation<'a> {
    /// To serve, or to check its configuration: all of Mosquitto's options.
    Broker,
    /// To keep a password file, with these arguments.
    Passwd(&'a [OsString]),
    /// To explain an ACL file, with these arguments.
    Acl(&'a [OsString]),
}

impl<'a> Invocation<'a> {
    /// Decides by the first argument after the program's name; a link to the program with the name of
    /// Mosquitto's tool is that tool.
    pub fn of(arguments: &'a [OsString]) -> Self {
        let Some((program, rest)) = arguments.split_first() else {
            return Self::Broker;
        };
        let name = Path::new(program).file_name().unwrap_or_default();
        if name == "mosquitto_passwd" || name == "mqtt-passwd" {
            return Self::Passwd(rest);
        }
        match rest.split_first() {
            Some((word, rest)) if word == "passwd" => Self::Passwd(rest),
            Some((word, rest)) if word == "acl" => Self::Acl(rest),
            _ => Self::Broker,
        }
    }
}

/// What the command line asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Parser)]
#[command(
    name = "mqtt-broker",
    version,
    help_template = HELP,
    override_usage = "mqtt-broker [-c FILE] [-d] [-p PORT]... [-v | -q] [--test-config]\n       mqtt-broker COMMAND",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Args {
    /// Read the configuration from this file
    #[arg(short = 'c', long = "config-file", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Go to the background after starting
    #[arg(short, long)]
    pub daemon: bool,

    /// Listen on this port too; may be repeated
    #[arg(short = 'p', long = "port", value_name = "PORT", value_parser = port())]
    pub ports: Vec<u16>,

    /// Log all types of messages, whatever the configuration says
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Log nothing, whatever the configuration says
    #[arg(short, long)]
    pub quiet: bool,

    /// Check the configuration and the files that it names, say all that is wrong, and end
    #[arg(long)]
    pub test_config: bool,

    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program does besides serving.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// List the options of the configuration file
    #[command(override_usage = "mqtt-broker options [--format FORMAT] [WORD]...")]
    Options {
        /// For a terminal, as the manual page broker.conf(5), or as a table in Markdown
        #[arg(long, value_name = "FORMAT", value_enum, default_value = "list")]
        format: Format,

        /// Only those whose names contain one of these words; with the format list
        #[arg(value_name = "WORD")]
        words: Vec<String>,
    },
}

/// How the options are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal.
    List,
    /// As a manual page.
    Man,
    /// As a table.
    Markdown,
}

impl Command {
    /// Does it, and returns what to print.
    pub fn run(&self) -> Stop {
        let Self::Options { format, words } = self;
        let text = match format {
            Format::List => manual::listing(words),
            Format::Man => manual::page(),
            Format::Markdown => manual::markdown(),
        };
        if text.is_empty() {
            return Stop {
                text: format!("Error: no option contains {}\n", words.join(" or ")),
                stream: Stream::Stderr,
                code: EXIT_INVALID,
            };
        }
        Stop {
            text,
            stream: Stream::Stdout,
            code: 0,
        }
    }
}

fn port() -> RangedU64ValueParser<u16> {
    RangedU64ValueParser::new().range(1..=65_535)
}

/// Why the program ends before it began, and what to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The text, with its line end.
    pub text: String,
    /// Where it belongs.
    pub stream: Stream,
    /// The exit code.
    pub code: u8,
}

/// A standard stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// What was asked for.
    Stdout,
    /// What went wrong.
    Stderr,
}

impl Args {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    ///
    /// What to print when an argument is wrong, or help or version is asked for.
    pub fn parse_from(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Stop> {
        Self::try_parse_from(arguments).map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Stop {
                text: error.to_string(),
                stream: Stream::Stdout,
                code: 0,
            },
            _ => Stop {
                text: error.to_string(),
                stream: Stream::Stderr,
                code: EXIT_INVALID,
            },
        })
    }

    /// Puts what the command line says about ports and logging over the configuration.
    pub fn apply(&self, config: &mut Config) {
        config.add_ports(&self.ports);
        if self.verbose {
            config.log.types = LogTypes::ALL;
        }
        if self.quiet {
            config.log.types = LogTypes::NONE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, Stop> {
        Args::parse_from(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_options_of_mosquitto_are_read() {
        let args = parse("mqtt-broker -c broker.conf -d -p 1883 -p 8883 -v --test-config").unwrap();
        assert_eq!(
            args,
            Args {
                config: Some("broker.conf".into()),
                daemon: true,
                ports: vec![1883, 8883],
                verbose: true,
                quiet: false,
                test_config: true,
                command: None,
            }
        );
    }

    #[test]
    fn a_bad_option_ends_with_3_and_help_with_0() {
        for line in [
            "b --nonsense",
            "b -p",
            "b -p 0",
            "b -p 65536",
            "b -p x",
            "b -v -q",
            "b extra",
        ] {
            let stop = parse(line).unwrap_err();
            assert_eq!(
                (stop.code, stop.stream),
                (EXIT_INVALID, Stream::Stderr),
                "{line}: {}",
                stop.text
            );
        }
        for line in ["b -h", "b --help", "b --version"] {
            let stop = parse(line).unwrap_err();
            assert_eq!((stop.code, stop.stream), (0, Stream::Stdout), "{line}");
        }
    }

    #[test]
    fn a_command_is_the_first_word_or_the_name_of_the_program() {
        let invocation = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
            match Invocation::of(&words) {
                Invocation::Broker => "broker".to_owned(),
                Invocation::Passwd(rest) => format!("passwd {}", rest.len()),
                Invocation::Acl(rest) => format!("acl {}", rest.len()),
            }
        };
        for (line, expected) in [
            ("", "broker"),
            ("mqtt-broker", "broker"),
            ("mqtt-broker -c passwd", "broker"),
            ("mqtt-broker passwd -c f", "passwd 2"),
            ("/bin/mqtt-broker acl", "acl 0"),
            ("/bin/mosquitto_passwd f fred", "passwd 2"),
            ("mqtt-passwd", "passwd 0"),
        ] {
            assert_eq!(invocation(line), expected, "{line}");
        }
    }

    #[test]
    fn help_says_what_there_is() {
        insta::with_settings!({filters => [(r"version \d\S+", "version [VERSION]")]}, {
            insta::assert_snapshot!(parse("mqtt-broker -h").unwrap_err().text, @r"
            mqtt-broker version [VERSION]

            mqtt-broker is an MQTT v5.0/v3.1.1/v3.1 broker.

            Usage: mqtt-broker [-c FILE] [-d] [-p PORT]... [-v | -q] [--test-config]
                   mqtt-broker COMMAND

              -c, --config-file <FILE>  Read the configuration from this file
              -d, --daemon              Go to the background after starting
              -p, --port <PORT>         Listen on this port too; may be repeated
              -v, --verbose             Log all types of messages, whatever the configuration says
              -q, --quiet               Log nothing, whatever the configuration says
                  --test-config         Check the configuration and the files that it names, say all that is
                                        wrong, and end
              -h, --help                Print help
              -V, --version             Print version

            Commands:
              options  List the options of the configuration file
              passwd   Keep a password file, as mosquitto_passwd does
              acl      Say who may read or write a topic, and which line decides

            Signals: HUP reads the configuration and its files again, USR1 saves, USR2 logs who is connected and
            subscribed, TERM and INT save and end.
            ");
        });
    }

    #[test]
    fn a_port_without_a_configuration_takes_connections_from_this_machine_only() {
        use crate::config::Endpoint;
        let mut config = Config::local();
        parse("b -p 1 -p 2 -q").unwrap().apply(&mut config);
        let endpoints: Vec<_> = config
            .listeners
            .iter()
            .map(|listener| listener.endpoint.clone())
            .collect();
        assert_eq!(
            endpoints,
            [
                Endpoint::Loopback { port: 1 },
                Endpoint::Loopback { port: 2 }
            ]
        );
        assert!(config.listeners[1].security.allow_anonymous);
        assert_eq!(config.log.types, LogTypes::NONE);

        let mut config = Config::parse("f", "listener 1883\n").unwrap();
        parse("b -p 2 -v").unwrap().apply(&mut config);
        assert_eq!(config.listeners.len(), 2);
        assert!(matches!(
            config.listeners[1].endpoint,
            Endpoint::Tcp { port: 2, .. }
        ));
        assert!(!config.listeners[1].security.allow_anonymous);
        assert_eq!(config.log.types, LogTypes::ALL);
    }
}
