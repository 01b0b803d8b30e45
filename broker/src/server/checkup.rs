//! `--test-config`: all that is wrong with a configuration and the files that it names, and what is unwise.

use std::collections::BTreeSet;
use std::fs::File;

use super::error::ServerError;
use super::files::Files;
use super::setup::{clock, place};
use super::{expiry, privileges};
use crate::cli::{Args, EXIT_INVALID};
use crate::config::{Config, Diagnostic, Tls};
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
    if let Err(error) = privileges::check(&config) {
        findings.errors.push(error.with_causes());
    }
    findings.look_at_files(&config);
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
            let Some(tls) = self.look_at_tls(settings, clock, place(&listener.endpoint)) else {
                continue;
            };
            let days = config.service.certificate_warning_days;
            let place = place(&listener.endpoint);
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
    fn look_at_tls(&mut self, settings: &Tls, clock: Clock, listener: String) -> Option<ServerTls> {
        let files = [Some(&settings.certfile), Some(&settings.keyfile)];
        let files = files
            .into_iter()
            .chain([settings.cafile.as_ref(), settings.crlfile.as_ref()]);
        let unreadable: Vec<_> = files
            .flatten()
            .filter_map(|path| File::open(path).err().map(|error| (path, error)))
            .collect();
        if !unreadable.is_empty() {
            self.errors.extend(
                unreadable
                    .into_iter()
                    .map(|(path, error)| format!("{}: cannot read file: {error}", path.display())),
            );
            return None;
        }
        match ServerTls::open(settings, clock) {
            Ok(tls) => Some(tls),
            Err(source) => {
                let error = ServerError::Tls {
                    listener,
                    source: Box::new(source),
                };
                self.errors.push(error.with_causes());
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
