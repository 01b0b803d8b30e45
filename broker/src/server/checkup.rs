//! `--test-config`: all that is wrong with a configuration and the files that it names, and what is unwise.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;

use super::error::ServerError;
use super::privileges;
use super::setup::place;
use crate::cli::{Args, EXIT_INVALID};
use crate::config::{Config, Diagnostic, Tls};
use crate::tls;

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

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
        let mut certificates = BTreeSet::new();
        for listener in &config.listeners {
            let Some(settings) = &listener.tls else {
                continue;
            };
            let listener = place(listener);
            self.look_at_tls(settings, listener);
            certificates.insert(&settings.certfile);
            certificates.extend(&settings.cafile);
        }
        for path in certificates {
            self.look_at_dates(path, config.service.certificate_warning_days);
        }
        let location = &config.persistence.location;
        if config.persistence.enabled && location.is_absolute() && !location.is_dir() {
            self.warnings.push(format!(
                "persistence_location {} is not a folder now: the state can't be kept there",
                location.display()
            ));
        }
    }

    /// Files that can't be read, all of them; if there are none, what is wrong inside.
    fn look_at_tls(&mut self, settings: &Tls, listener: String) {
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
            return;
        }
        if let Err(source) = tls::server_config(settings) {
            let error = ServerError::Tls {
                listener,
                source: Box::new(source),
            };
            self.errors.push(error.with_causes());
        }
    }

    /// Certificates that are not valid now, or soon will not be.
    fn look_at_dates(&mut self, path: &Path, warning_days: u32) {
        let Some(now) = now() else { return };
        let Ok(bytes) = fs::read(path) else { return };
        for pem in Pem::iter_from_buffer(&bytes).flatten() {
            let Ok(certificate) = pem.parse_x509() else {
                continue;
            };
            if let Some(text) = dates(&certificate, now, warning_days) {
                self.warnings.push(format!("{}: {text}", path.display()));
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

/// Seconds since 1970; none if the clock is before that.
fn now() -> Option<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

/// What is unwise about a certificate's dates.
fn dates(certificate: &X509Certificate<'_>, now: i64, warning_days: u32) -> Option<String> {
    let validity = certificate.validity();
    let subject: String = certificate
        .subject()
        .to_string()
        .chars()
        .filter(|char| !char.is_control())
        .collect();
    let (begin, end) = (validity.not_before, validity.not_after);
    let left = end.timestamp() - now;
    if begin.timestamp() > now {
        return Some(format!(
            "the certificate of {subject} is not valid before {}: is this machine's clock right?",
            begin.to_datetime().date()
        ));
    }
    if left < 0 {
        return Some(format!(
            "the certificate of {subject} has expired on {}: clients refuse it",
            end.to_datetime().date()
        ));
    }
    let days = left / DAY;
    (days < warning_days.into()).then(|| {
        format!(
            "the certificate of {subject} expires in {days} days, on {}",
            end.to_datetime().date()
        )
    })
}
