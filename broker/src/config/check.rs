//! A draft as a whole: what belongs together, and the defaults.

use std::mem;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::diagnostic::{Diagnostic, Place};
use super::draft::{At, Draft, ListenerDraft, LogDraft, SecurityDraft};
use super::model::{
    Autosave, ClientCertificates, Config, Endpoint, Listener, LogSettings, Security, Timestamps,
    Tls, UserNameFrom,
};

/// The port of MQTT without encryption, as registered.
const PORT: u16 = 1883;

/// Fills in the defaults, and says what does not fit together.
pub(super) fn finish(mut draft: Draft, file: Option<PathBuf>) -> (Config, Vec<Diagnostic>) {
    let mut errors = mem::take(&mut draft.errors);
    let mut drafts = mem::take(&mut draft.listeners);
    if draft.default_listener.touched {
        drafts.insert(0, mem::take(&mut draft.default_listener));
    }
    let local_only = drafts.is_empty();
    if local_only {
        drafts.push(ListenerDraft::default());
    }
    draft.persistence.autosave = autosave(&draft);
    let common = draft.security.finish(local_only);
    let own_security = draft.per_listener && !local_only;
    let mut listeners: Vec<Listener> = Vec::new();
    for draft in drafts {
        check_tls(&draft, &mut errors);
        if draft.broken {
            continue;
        }
        let place = draft.place.clone();
        let listener = finish_listener(draft, local_only, (!own_security).then_some(&common));
        let taken = listeners
            .iter()
            .any(|other| other.endpoint == listener.endpoint);
        errors.extend(place.filter(|_| taken).map(|place| {
            Diagnostic::new(
                &place,
                "there is a listener at this port and address already",
            )
        }));
        listeners.push(listener);
    }
    let config = Config {
        file,
        listeners,
        local_only,
        log: draft.log.finish(),
        persistence: draft.persistence,
        limits: draft.limits,
        service: draft.service,
        warnings: draft.warnings,
    };
    (config, errors)
}

/// `autosave_on_changes` makes `autosave_interval` a number of changes; 0 turns it off.
fn autosave(draft: &Draft) -> Autosave {
    match NonZeroU32::new(draft.autosave_interval) {
        None => Autosave::Off,
        Some(changes) if draft.autosave_on_changes => Autosave::Changes(changes),
        Some(seconds) => Autosave::Every(Duration::from_secs(seconds.get().into())),
    }
}

fn finish_listener(draft: ListenerDraft, local_only: bool, common: Option<&Security>) -> Listener {
    let tls = finish_tls(&draft);
    let (port, protocol) = (draft.port.unwrap_or(PORT), draft.protocol);
    let endpoint = match draft.unix_path {
        Some(path) => Endpoint::Unix(path),
        None if local_only => Endpoint::Loopback { port },
        None => Endpoint::Tcp {
            port,
            host: draft.host,
            family: draft.family,
            interface: draft.interface,
        },
    };
    Listener {
        endpoint,
        protocol,
        tls,
        security: common
            .cloned()
            .unwrap_or_else(|| draft.security.finish(false)),
        max_connections: draft.max_connections,
    }
}

/// The encryption of a listener, if it has any.
fn finish_tls(draft: &ListenerDraft) -> Option<Tls> {
    let user_name_from = match (
        on(draft.use_identity.as_ref()),
        on(draft.use_subject.as_ref()),
    ) {
        (Some(_), _) => Some(UserNameFrom::CommonName),
        (None, Some(_)) => Some(UserNameFrom::Subject),
        (None, None) => None,
    };
    let client_certificates = match (on(draft.require_certificate.as_ref()), user_name_from) {
        (Some(_), _) => ClientCertificates::Required,
        (None, Some(_)) => ClientCertificates::Optional,
        (None, None) => ClientCertificates::Off,
    };
    Some(Tls {
        certfile: draft.certfile.as_ref()?.value.clone(),
        keyfile: draft.keyfile.as_ref()?.value.clone(),
        cafile: draft.cafile.as_ref().map(|at| at.value.clone()),
        crlfile: draft.crlfile.as_ref().map(|at| at.value.clone()),
        client_certificates,
        user_name_from,
        min_version: draft
            .tls_version
            .as_ref()
            .map(|at| at.value)
            .unwrap_or_default(),
    })
}

/// Says what a listener's TLS options lack.
///
/// Mosquitto opens a listener without encryption when `certfile` is missing, whatever other TLS options say;
/// here every one of them is an error then.
fn check_tls(draft: &ListenerDraft, errors: &mut Vec<Diagnostic>) {
    let mut error = |place: &Place, message: &str| errors.push(Diagnostic::new(place, message));
    match (&draft.certfile, &draft.keyfile) {
        (Some(cert), None) => error(
            &cert.place,
            "certfile needs a keyfile for the same listener",
        ),
        (None, Some(key)) => error(&key.place, "keyfile needs a certfile for the same listener"),
        (None, None) => {
            for (place, name) in for_clients(draft)
                .into_iter()
                .chain(for_server(draft))
                .flatten()
            {
                error(
                    place,
                    &format!(
                        "{name} needs certfile and keyfile: without them the listener does not encrypt"
                    ),
                );
            }
        }
        (Some(_), Some(_)) if draft.cafile.is_none() => {
            for (place, name) in for_clients(draft).into_iter().flatten() {
                error(
                    place,
                    &format!(
                        "{name} needs cafile: the authorities that clients' certificates come from"
                    ),
                );
            }
        }
        (Some(_), Some(_)) => {}
    }
    if let (Some(_), Some(subject)) = (
        on(draft.use_identity.as_ref()),
        on(draft.use_subject.as_ref()),
    ) {
        error(
            subject,
            "use_identity_as_username and use_subject_as_username exclude each other",
        );
    }
}

/// The options about clients' certificates that are set, and where.
fn for_clients(draft: &ListenerDraft) -> [Option<(&Place, &'static str)>; 4] {
    [
        on(draft.require_certificate.as_ref()).map(|place| (place, "require_certificate")),
        on(draft.use_identity.as_ref()).map(|place| (place, "use_identity_as_username")),
        on(draft.use_subject.as_ref()).map(|place| (place, "use_subject_as_username")),
        draft.crlfile.as_ref().map(|at| (&at.place, "crlfile")),
    ]
}

/// The other TLS options besides certificate and key that are set, and where.
fn for_server(draft: &ListenerDraft) -> [Option<(&Place, &'static str)>; 2] {
    [
        draft.cafile.as_ref().map(|at| (&at.place, "cafile")),
        draft
            .tls_version
            .as_ref()
            .map(|at| (&at.place, "tls_version")),
    ]
}

/// Where a switch was turned on.
fn on(switch: Option<&At<bool>>) -> Option<&Place> {
    switch.filter(|at| at.value).map(|at| &at.place)
}

impl SecurityDraft {
    fn finish(self, local_only: bool) -> Security {
        Security {
            allow_anonymous: self.allow_anonymous.unwrap_or(local_only),
            password_file: self.password_file,
            acl_file: self.acl_file,
            allow_zero_length_clientid: self.allow_zero_length_clientid.unwrap_or(true),
            auto_id_prefix: self.auto_id_prefix.unwrap_or_else(|| "auto-".to_owned()),
        }
    }
}

impl LogDraft {
    fn finish(self) -> LogSettings {
        let default = LogSettings::default();
        LogSettings {
            destinations: self.destinations.unwrap_or(default.destinations),
            types: self.types.unwrap_or(default.types),
            timestamps: match self.format {
                _ if self.no_timestamp => Timestamps::None,
                Some(format) => Timestamps::Format(format),
                None => Timestamps::Epoch,
            },
            facility: self.facility.unwrap_or(default.facility),
            connection_messages: !self.no_connection_messages,
        }
    }
}

impl Config {
    /// Adds a listener for each port of the command line.
    ///
    /// Without a listener in the configuration they replace the default one, and take connections from this
    /// machine only, as it does.
    pub fn add_ports(&mut self, ports: &[u16]) {
        if ports.is_empty() {
            return;
        }
        let Some(security) = self
            .listeners
            .first()
            .map(|listener| listener.security.clone())
        else {
            return;
        };
        if self.local_only {
            self.listeners.clear();
        }
        self.listeners.extend(ports.iter().map(|&port| Listener {
            endpoint: if self.local_only {
                Endpoint::Loopback { port }
            } else {
                Endpoint::Tcp {
                    port,
                    host: None,
                    family: super::Family::Any,
                    interface: None,
                }
            },
            protocol: super::Protocol::Mqtt,
            tls: None,
            security: security.clone(),
            max_connections: None,
        }));
    }
}
