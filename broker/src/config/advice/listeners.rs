//! Advice about what the configuration itself says.

use std::net::IpAddr;

use super::super::clients::Protocol;
use super::super::diagnostic::{Diagnostic, Place};
use super::super::draft::At;
use super::super::model::{ClientCertificates, Endpoint, Listener, Persistence};

/// What is unwise about a listener that others can reach.
pub(in super::super) fn listener(listener: &Listener, place: &Place, advice: &mut Vec<Diagnostic>) {
    if !is_public(&listener.endpoint) {
        return;
    }
    let mut say = |text: &str| advice.push(Diagnostic::new(place, text));
    if listener.protocol == Protocol::Metrics {
        if listener.tls.is_none() {
            say(
                "the metrics of this listener are open to the network: bind it to this machine, as in \
                 `listener 9100 127.0.0.1`",
            );
        }
        return;
    }
    if listener.tls.is_none() {
        say(
            "this listener is open to the network without TLS: passwords and messages travel in clear text; \
             add certfile and keyfile, or bind it to this machine, as in `listener 1883 127.0.0.1`",
        );
    }
    let certified = listener
        .tls
        .as_ref()
        .is_some_and(|tls| tls.client_certificates != ClientCertificates::Off);
    if listener.security.allow_anonymous && !certified {
        say(
            "this listener is open to the network, and everybody gets in without a password: \
             set allow_anonymous false, or for this listener alone listener_allow_anonymous false",
        );
    }
}

/// What is unwise about who gets in, from wherever.
pub(in super::super) fn logins(listener: &Listener, place: &Place, advice: &mut Vec<Diagnostic>) {
    let named = listener
        .tls
        .as_ref()
        .is_some_and(|tls| tls.user_name_from.is_some());
    let security = &listener.security;
    if listener.protocol == Protocol::Metrics || named || security.password_file.is_some() {
        return;
    }
    if !security.allow_anonymous {
        let text = "nobody can log in at this listener: there is neither a password_file for it, nor \
                    allow_anonymous true, nor use_identity_as_username true";
        advice.push(Diagnostic::new(place, text));
    } else if security.acl_file.is_some() {
        let text = "acl_file does not keep anybody from what it grants to a name at this listener: with \
                    allow_anonymous true and without a password_file every client may claim any name";
        advice.push(Diagnostic::new(place, text));
    }
}

/// Whether other machines can reach it, as far as its configuration says.
fn is_public(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Loopback { .. } | Endpoint::Unix(_) => false,
        Endpoint::Tcp {
            interface: Some(interface),
            ..
        } if interface == "lo" => false,
        Endpoint::Tcp {
            host: Some(host), ..
        } => match host.parse::<IpAddr>() {
            Ok(address) => !address.to_canonical().is_loopback(),
            Err(_) => host != "localhost",
        },
        Endpoint::Tcp { host: None, .. } => true,
    }
}

/// Persistence that depends on where the broker is started.
pub(in super::super) fn persistence(
    persistence: &Persistence,
    place: Option<&Place>,
    advice: &mut Vec<Diagnostic>,
) {
    if let Some(place) = place.filter(|_| persistence.enabled && !persistence.path().is_absolute())
    {
        let text = "persistence has no place of its own: the state is kept in whatever folder the broker is \
                    started in; set persistence_location to an absolute path";
        advice.push(Diagnostic::new(place, text));
    }
}

/// A place for the state, and no state.
pub(in super::super) fn nothing_kept(
    persistence: &Persistence,
    named: Option<&At<&'static str>>,
    advice: &mut Vec<Diagnostic>,
) {
    if let Some(At { value, place }) = named.filter(|_| !persistence.enabled) {
        let text = format!("{value} alone keeps nothing: that takes `persistence true`");
        advice.push(Diagnostic::new(place, text));
    }
}

/// Two rules for client ids at once.
pub(in super::super) fn client_ids(place: &Place, advice: &mut Vec<Diagnostic>) {
    let text = "use_username_as_clientid replaces the client ids that clientid_prefixes looks at: use one of the two";
    advice.push(Diagnostic::new(place, text));
}
