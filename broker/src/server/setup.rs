//! From a configuration to the rules that connections are served by.

use std::sync::Arc;

use super::error::ServerError;
use super::files::Files;
use super::settings::ListenerRules;
use crate::config::{Config, Endpoint};
use crate::tls::{self, Clock, ServerTls};

/// The rules of all listeners, read from all files that a configuration names.
#[derive(Debug)]
pub(super) struct Rules {
    /// In the order of [`Config::listeners`].
    pub(super) listeners: Vec<ListenerRules>,
}

/// Reads all files that `config` names, and adds what is legal in them but unwise to its warnings.
pub(super) fn rules(config: &mut Config, files: &Files) -> Result<Rules, ServerError> {
    let access = config.load_access()?;
    config.warnings.extend(access.warnings);
    let clock = clock(files);
    let mut listeners = Vec::with_capacity(config.listeners.len());
    for (listener, access) in config.listeners.iter().zip(access.listeners) {
        let tls = match &listener.tls {
            Some(settings) => {
                let tls = ServerTls::open(settings, clock).map_err(|source| {
                    let error = ServerError::Tls {
                        listener: place(&listener.endpoint),
                        source: Box::new(source),
                    };
                    error.named(config)
                })?;
                Some(Arc::new(tls))
            }
            None => None,
        };
        listeners.push(ListenerRules::new(listener, access, tls));
    }
    Ok(Rules { listeners })
}

impl Rules {
    /// What is legal about the encryption of the listeners of `config` but unwise or not as asked for.
    pub(super) fn warnings(&self, config: &Config) -> Vec<String> {
        let mut warnings = Vec::new();
        let encrypted = self.listeners.iter().zip(&config.listeners);
        for (rules, listener) in encrypted {
            let Some(tls) = &rules.tls else { continue };
            let place = place(&listener.endpoint);
            let own = tls.warnings().iter();
            warnings.extend(own.map(|warning| format!("the listener on {place}: {warning}.")));
        }
        let clock = self.listeners.iter().find_map(|rules| rules.tls.as_ref());
        if let Some(clock) = clock.map(|tls| tls.clock()).filter(Clock::is_behind) {
            let floor = tls::date(i64::try_from(clock.floor()).unwrap_or(i64::MAX));
            warnings.push(format!(
                "this machine's clock says {}, before this program was built: until it is set, certificates are \
                 checked as of {floor}, when the newest file of the configuration was written or this program built.",
                tls::date(tls::system_seconds()),
            ));
        }
        warnings
    }
}

/// The clock; where the system's is behind the build, that of the newest file of the configuration.
pub(super) fn clock(files: &Files) -> Clock {
    match files.newest() {
        Some((_, time)) => Clock::default().no_earlier_than(time),
        None => Clock::default(),
    }
}

/// Where a listener listens, for messages.
pub(super) fn place(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp {
            port,
            host: Some(host),
            ..
        } => format!("{host} port {port}"),
        Endpoint::Tcp { port, .. } | Endpoint::Loopback { port } => format!("port {port}"),
        Endpoint::Unix(path) => path.display().to_string(),
    }
}
