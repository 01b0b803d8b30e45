//! From a configuration to the settings that connections are served by.

use std::sync::Arc;

use super::error::ServerError;
use super::settings::{ListenerRules, Settings};
use crate::config::{Config, Diagnostic, Endpoint, Listener};
use crate::tls;

/// Reads all files that `config` names, and says what is legal in them but unwise.
pub(super) fn settings(config: &Config) -> Result<(Settings, Vec<Diagnostic>), ServerError> {
    let files = config.load_access()?;
    let mut listeners = Vec::with_capacity(config.listeners.len());
    for (listener, access) in config.listeners.iter().zip(files.listeners) {
        let tls = match &listener.tls {
            Some(settings) => Some(Arc::new(tls::server_config(settings).map_err(
                |source| ServerError::Tls {
                    listener: place(listener),
                    source: Box::new(source),
                },
            )?)),
            None => None,
        };
        listeners.push(ListenerRules::new(listener, access, tls));
    }
    Ok((Settings::new(config, listeners), files.warnings))
}

/// Puts the listeners of a new configuration in the order of those that are open.
///
/// Sockets stay as they were opened: a listener is known again by where it listens. Returns what can't be
/// done without a restart.
pub(super) fn adopt(open: &[Listener], config: &mut Config) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut wanted = std::mem::take(&mut config.listeners);
    for before in open {
        let found = wanted
            .iter()
            .position(|listener| listener.endpoint == before.endpoint);
        let mut listener = found.map_or_else(
            || {
                complaints.push(format!(
                    "the listener on {} is no longer wanted: it closes at a restart",
                    place(before)
                ));
                before.clone()
            },
            |index| wanted.remove(index),
        );
        if listener.tls.is_some() != before.tls.is_some() {
            complaints.push(format!(
                "the listener on {} changes between plain and TLS at a restart",
                place(before)
            ));
            listener.tls.clone_from(&before.tls);
        }
        config.listeners.push(listener);
    }
    for listener in wanted {
        complaints.push(format!(
            "the new listener on {} opens at a restart",
            place(&listener)
        ));
    }
    complaints
}

/// Where a listener listens, for messages.
pub(super) fn place(listener: &Listener) -> String {
    match &listener.endpoint {
        Endpoint::Tcp {
            port,
            host: Some(host),
            ..
        } => format!("{host} port {port}"),
        Endpoint::Tcp { port, .. } | Endpoint::Loopback { port } => format!("port {port}"),
        Endpoint::Unix(path) => path.display().to_string(),
    }
}
