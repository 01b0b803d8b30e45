//! `--test-config`: all that is wrong with a configuration and the files that it names, and what is unwise.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{IpAddr, ToSocketAddrs as _};

use super::error::ServerError;
use super::files::Files;
use super::listener::NO_ADDRESS;
use super::setup::{clock, place};
use super::{expiry, privileges};
use crate::cli::{Args, EXIT_INVALID};
use crate::config::{Config, Diagnostic, Endpoint, Tls, overlap};
use crate::log::syslog_problem;
use crate::tls::{Clock, ServerTls};

/// What to print, and the exit code.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) stderr: String,
    pub(super) stdout: &'static str,
    pub(super) code: u8,
}

/// What there is to say about a configuration.
#[derive(Debug, Default)]
struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

/// Looks at everything, whatever is wrong with the rest, and returns what to print.
pub(super) fn checkup(args: &Args) -> Report {
    let mut findings = Findings::default();
    let mut config = match &args.config {
        Some(path) => {
            let (config, errors) = Config::load_all(path);
            findings.errors(errors);
            config
        }
        None => Config::local(),
    };
    args.apply(&mut config);
    let mut warnings = std::mem::take(&mut config.warnings);
    warnings.append(&mut config.advice);
    findings.warnings(warnings);
    findings.warnings.extend(syslog_problem(&config.log));
    let user = privileges::check(&config);
    findings.look_at_listeners(&config);
    findings.look_at_files(&config);
    // The last thing to do as whoever was asked.
    match user.and_then(|()| privileges::rehearse(&config)) {
        Ok(problems) => findings.warnings.extend(problems),
        Err(error) => findings.errors.push(error.with_causes()),
    }
    findings.report()
}

impl Findings {
    fn errors(&mut self, mut errors: Vec<Diagnostic>) {
        sort(&mut errors);
        self.errors.extend(errors.iter().map(ToString::to_string));
    }

    fn warnings(&mut self, mut warnings: Vec<Diagnostic>) {
        sort(&mut warnings);
        self.warnings
            .extend(warnings.iter().map(ToString::to_string));
    }

    /// Looks up the names of hosts, and says which listeners can't both be open for what they stand for. Of
    /// addresses that is known when the configuration is read.
    fn look_at_listeners(&mut self, config: &Config) {
        let mut known: Vec<(&Endpoint, Vec<IpAddr>)> = Vec::new();
        for (number, listener) in config.listeners.iter().enumerate() {
            let endpoint = &listener.endpoint;
            let at = format!(
                "{}cannot listen on {}",
                config.line_of(number),
                place(endpoint)
            );
            let found = match endpoint.name() {
                None => Ok(Vec::new()),
                Some(name) => (name, 0)
                    .to_socket_addrs()
                    .map(|all| all.map(|address| address.ip()).collect()),
            };
            let found: Vec<_> = match found {
                Ok(found) => found,
                Err(error) => {
                    self.errors.push(format!("{at}: {error}"));
                    continue;
                }
            };
            if endpoint.port().is_some() && endpoint.addresses(&found).is_empty() {
                self.errors.push(format!("{at}: {NO_ADDRESS}"));
            }
            let clash = known.iter().find(|(other, theirs)| {
                overlap((other, theirs), (endpoint, &found))
                    && !overlap((other, &[]), (endpoint, &[]))
            });
            if let Some((other, _)) = clash {
                let other = place(other);
                self.errors.push(format!(
                    "{at}: the listener on {other} has this port already, at the same address or \
                     at all"
                ));
            }
            known.push((endpoint, found));
        }
    }

    fn look_at_files(&mut self, config: &Config) {
        let (access, errors) = config.load_access_all();
        self.errors(errors);
        self.warnings([access.warnings, access.advice].concat());
        self.warnings(config.secrets_advice());
        let clock = clock(&Files::of(config));
        let mut said = BTreeSet::new();
        for listener in &config.listeners {
            let Some(settings) = &listener.tls else {
                continue;
            };
            let place = place(&listener.endpoint);
            let Some(tls) = self.look_at_tls(config, settings, clock, &place) else {
                continue;
            };
            let days = config.service.certificate_warning_days;
            let own = tls.warnings().iter();
            said.extend(own.map(|warning| format!("the listener on {place}: {warning}")));
            // One file for several listeners is one matter.
            said.extend(expiry::sentences(&tls, days));
        }
        self.warnings.extend(said);
        let location = &config.persistence.location;
        if config.persistence.enabled && location.is_absolute() && !location.is_dir() {
            self.warnings.push(format!(
                "persistence_location {} is not a folder now: the state can't be kept there",
                location.display()
            ));
        }
    }

    /// Files that can't be read, all of them; if there are none, what is wrong inside.
    fn look_at_tls(
        &mut self,
        config: &Config,
        settings: &Tls,
        clock: Clock,
        listener: &str,
    ) -> Option<ServerTls> {
        let files = [
            ("certfile", Some(&settings.certfile)),
            ("keyfile", Some(&settings.keyfile)),
            ("cafile", settings.cafile.as_ref()),
            ("crlfile", settings.crlfile.as_ref()),
        ];
        let unreadable: Vec<_> = files
            .into_iter()
            .filter_map(|(option, path)| {
                let error = File::open(path?).err()?;
                Some(config.unreadable(option, path?, &error))
            })
            .collect();
        if !unreadable.is_empty() {
            self.errors(unreadable);
            return None;
        }
        match ServerTls::open(settings, clock) {
            Ok(tls) => Some(tls),
            Err(source) => {
                let error = ServerError::Tls {
                    listener: listener.to_owned(),
                    source: Box::new(source),
                };
                self.errors.push(error.named(config).with_causes());
                None
            }
        }
    }

    fn report(self) -> Report {
        let lines = |kind, texts: &[String]| {
            let lines = texts.iter().map(|text| format!("{kind}: {text}\n"));
            lines.collect::<String>()
        };
        let stderr = lines("Warning", &self.warnings) + &lines("Error", &self.errors);
        if self.errors.is_empty() {
            Report {
                stderr,
                stdout: "Configuration is valid.\n",
                code: 0,
            }
        } else {
            Report {
                stderr,
                stdout: "",
                code: EXIT_INVALID,
            }
        }
    }
}

fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| (a.file(), a.line()).cmp(&(b.file(), b.line())));
}
