//! A draft as a whole: what belongs together, and the defaults.

use std::mem;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::advice;
use super::clients::LoginThrottle;
use super::diagnostic::{Diagnostic, Place};
use super::draft::{At, Draft, ListenerDraft, LogDraft, SecurityDraft};
use super::model::{
    Autosave, ClientCertificates, Config, Endpoint, Listener, LogSettings, Security, Timestamps,
    Tls, UserNameFrom,
};
use super::overlap::overlap;

/// The port of MQTT without encryption, as registered.
const PORT: u16 = 1883;

/// Fills in the defaults, and says what does not fit together.
pub(super) fn finish(mut draft: Draft, file: Option<PathBuf>) -> (Config, Vec<Diagnostic>) {
    let mut errors = mem::take(&mut draft.errors);
    let mut drafts = mem::take(&mut draft.listeners);
    let local_only = add_default(&mut draft, &mut drafts);
    draft.persistence.autosave = autosave(&draft);
    let common = Common {
        security: mem::take(&mut draft.security).finish(local_only),
        client_id_prefix: draft.clientid_prefixes.clone(),
        local_only,
        own_security: draft.per_listener,
        file: whole(file.as_deref()),
    };
    let mut advice = Vec::new();
    advice::persistence(
        &draft.persistence,
        draft.persistence_place.as_ref(),
        &mut advice,
    );
    advice::nothing_kept(
        &draft.persistence,
        draft.persistence_named.as_ref(),
        &mut advice,
    );
    let added_security = match drafts.first() {
        // They take the place of the only listener there is, and are as it is.
        Some(only) if local_only => finish_security(only, &common),
        _ => finish_security(&ListenerDraft::default(), &common),
    };
    let (listeners, listener_places) = finish_listeners(drafts, &common, &mut errors, &mut advice);
    let config = Config {
        file,
        listeners,
        local_only,
        log: draft.log.finish(),
        persistence: draft.persistence,
        limits: draft.limits,
        service: draft.service,
        login_throttle: LoginThrottle::new(draft.login_failures_max, draft.login_failures_window),
        warnings: draft.warnings,
        advice,
        sources: draft.sources,
        named: draft.named,
        listener_places,
        added_security,
    };
    (config, errors)
}

/// Adds the listener that no line begins where one is wanted or there is no other, and says what stands above all
/// others in vain; whether it is there for want of any.
fn add_default(draft: &mut Draft, drafts: &mut Vec<ListenerDraft>) -> bool {
    let local_only = drafts.is_empty() && !draft.default_listener.wanted;
    if local_only || draft.default_listener.wanted {
        drafts.insert(0, mem::take(&mut draft.default_listener));
        return local_only;
    }
    for At { value, place } in &draft.above {
        let text = format!(
            "{value} stands above every listener and has no effect: move it below a `listener` line"
        );
        draft.warnings.push(Diagnostic::new(place, text));
    }
    false
}

/// What all listeners have in common.
struct Common {
    security: Security,
    client_id_prefix: Option<At<String>>,
    local_only: bool,
    /// Each listener has security settings of its own.
    own_security: bool,
    /// Where things are that no line says.
    file: Place,
}

/// A file as a whole.
fn whole(file: Option<&Path>) -> Place {
    Place {
        file: file.unwrap_or(Path::new("")).to_string_lossy().into(),
        line: 0,
    }
}

fn finish_listeners(
    drafts: Vec<ListenerDraft>,
    common: &Common,
    errors: &mut Vec<Diagnostic>,
    advice: &mut Vec<Diagnostic>,
) -> (Vec<Listener>, Vec<Place>) {
    let mut listeners: Vec<Listener> = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    for draft in drafts {
        check_tls(&draft, errors);
        if draft.broken {
            continue;
        }
        let place = draft.place.clone().unwrap_or_else(|| common.file.clone());
        if let (Some(place), Some(_)) = (
            on(draft.username_as_clientid.as_ref()),
            &common.client_id_prefix,
        ) {
            advice::client_ids(place, advice);
        }
        let listener = finish_listener(draft, common);
        if let Some(message) = taken(&listener, &place, listeners.iter().zip(&places)) {
            errors.push(Diagnostic::new(&place, message));
        }
        advice::logins(&listener, &place, advice);
        if !common.local_only {
            advice::listener(&listener, &place, advice);
        }
        listeners.push(listener);
        places.push(place);
    }
    (listeners, places)
}

/// Says so if another listener has the port of this one.
fn taken<'a>(
    listener: &Listener,
    place: &Place,
    mut others: impl Iterator<Item = (&'a Listener, &'a Place)>,
) -> Option<String> {
    let endpoint = &listener.endpoint;
    let (other, at) = others.find(|(other, _)| {
        other.endpoint == *endpoint || overlap((&other.endpoint, &[]), (endpoint, &[]))
    })?;
    if other.endpoint == *endpoint {
        return Some("there is a listener at this port and address already".to_owned());
    }
    let at = at.seen_from(place);
    Some(format!(
        "the listener on {at} has this port already, at the same address or at all: give each an address of its own"
    ))
}

/// `autosave_on_changes` makes `autosave_interval` a number of changes; 0 turns it off.
fn autosave(draft: &Draft) -> Autosave {
    match NonZeroU32::new(draft.autosave_interval) {
        None => Autosave::Off,
        Some(changes) if draft.autosave_on_changes => Autosave::Changes(changes),
        Some(seconds) => Autosave::Every(Duration::from_secs(seconds.get().into())),
    }
}

fn finish_security(draft: &ListenerDraft, common: &Common) -> Security {
    let mut security = if common.own_security {
        draft.security.clone().finish(common.local_only)
    } else {
        common.security.clone()
    };
    security.allow_anonymous = draft.allow_anonymous.unwrap_or(security.allow_anonymous);
    if let Some(prefix) = &draft.auto_id_prefix {
        security.auto_id_prefix.clone_from(prefix);
    }
    security.client_id_prefix = common.client_id_prefix.as_ref().map(|at| at.value.clone());
    security
}

fn finish_listener(draft: ListenerDraft, common: &Common) -> Listener {
    let tls = finish_tls(&draft);
    let security = finish_security(&draft, common);
    let port = draft.port.unwrap_or(PORT);
    let endpoint = match draft.unix_path {
        Some(path) => Endpoint::Unix(path),
        None if common.local_only => Endpoint::Loopback { port },
        None => Endpoint::Tcp {
            port,
            host: draft.host,
            family: draft.family,
            interface: draft.interface,
        },
    };
    let plain = Listener::plain(endpoint, security);
    Listener {
        tls,
        max_connections: draft.max_connections,
        protocol: draft.protocol,
        versions: draft.versions.unwrap_or(plain.versions),
        max_qos: draft.max_qos.unwrap_or(plain.max_qos),
        max_topic_alias: draft.max_topic_alias.unwrap_or(plain.max_topic_alias),
        max_topic_alias_broker: draft
            .max_topic_alias_broker
            .unwrap_or(plain.max_topic_alias_broker),
        mount_point: draft.mount_point,
        username_as_client_id: on(draft.username_as_clientid.as_ref()).is_some(),
        ..plain
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
        capath: draft.capath.as_ref().map(|at| at.value.clone()),
        crlfile: draft.crlfile.as_ref().map(|at| at.value.clone()),
        client_certificates,
        user_name_from,
        min_version: draft
            .tls_version
            .as_ref()
            .map(|at| at.value)
            .unwrap_or_default(),
        ciphers: draft.ciphers.as_ref().map(|at| at.value.clone()),
        ciphers_tls13: draft.ciphers_tls13.as_ref().map(|at| at.value.clone()),
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
        (Some(_), Some(_)) if draft.cafile.is_none() && draft.capath.is_none() => {
            for (place, name) in for_clients(draft).into_iter().flatten() {
                error(
                    place,
                    &format!(
                        "{name} needs cafile or capath: the authorities that clients' certificates come from"
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
fn for_server(draft: &ListenerDraft) -> [Option<(&Place, &'static str)>; 5] {
    [
        draft.cafile.as_ref().map(|at| (&at.place, "cafile")),
        draft.capath.as_ref().map(|at| (&at.place, "capath")),
        draft.ciphers.as_ref().map(|at| (&at.place, "ciphers")),
        draft
            .ciphers_tls13
            .as_ref()
            .map(|at| (&at.place, "ciphers_tls1.3")),
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
            client_id_prefix: None,
            strict_subscribe: self.strict_subscribe.unwrap_or(false),
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
    /// With `per_listener_settings true` it has no security settings, so that nobody can log in; otherwise those of
    /// all. Without a listener in the configuration they replace the default one, and take connections from this
    /// machine only, as it does.
    pub fn add_ports(&mut self, ports: &[u16]) {
        if ports.is_empty() {
            return;
        }
        if self.local_only {
            self.listeners.clear();
            self.listener_places.clear();
        }
        let endpoint = |&port| {
            if self.local_only {
                Endpoint::Loopback { port }
            } else {
                Endpoint::Tcp {
                    port,
                    host: None,
                    family: super::Family::Any,
                    interface: None,
                }
            }
        };
        let added = ports.iter().map(endpoint);
        let added: Vec<_> = added
            .map(|endpoint| Listener::plain(endpoint, self.added_security.clone()))
            .collect();
        self.listeners.extend(added);
    }
}
