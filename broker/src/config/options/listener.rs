//! The section "listeners": where to listen, and for whom.

use super::spec::{Line, OptionSpec, Scope, ignored, refused, works};
use crate::config::clients::{Protocol, ProtocolVersions};
use crate::config::diagnostic::{Diagnostic, ignored_text};
use crate::config::draft::{Draft, ListenerDraft};
use crate::config::model::Family;
use crate::config::value::{self, Parsed, Wrong, expected};
use crate::topic;

use Scope::{General, Listener};

const WEBSOCKETS: &str = "websockets are not supported";
const PROXY: &str = "the PROXY protocol is not supported";

pub(super) const OPTIONS: &[OptionSpec] = &[
    works(
        "listener",
        Listener,
        "PORT [ADDRESS]|0 PATH",
        "port 1883, for this machine only",
        "Begins a listener on a port, of all addresses or of one, or on a Unix socket. The options below it are its \
         own.",
        add_listener,
    )
    .rest()
    .many(),
    works(
        "port",
        General,
        "PORT",
        "1883",
        "The port of the listener that needs no line of its own.",
        |draft, line| {
            draft.default_listener.port = Some(value::port(line.value)?);
            draft.default_listener.place = Some(line.place.clone());
            draft.default_listener.wanted = true;
            Ok(())
        },
    ),
    works(
        "bind_address",
        General,
        "ADDRESS",
        "all addresses",
        "The address of that listener.",
        |draft, line| {
            let listener = &mut draft.default_listener;
            listener.host = Some(line.value.to_owned());
            listener.place.get_or_insert_with(|| line.place.clone());
            listener.wanted = true;
            Ok(())
        },
    )
    .once(),
    works(
        "accept_protocol_versions",
        Listener,
        "VERSION[, VERSION ...]",
        "3, 4, 5",
        "The versions of MQTT that clients may speak: 3 is 3.1, 4 is 3.1.1, 5 is 5.0.",
        |draft, line| {
            draft.listener().versions = Some(versions(line.value)?);
            Ok(())
        },
    )
    .rest(),
    works(
        "bind_interface",
        Listener,
        "INTERFACE",
        "all interfaces",
        "The network interface to listen on, as in eth0.",
        |draft, line| {
            draft.opened(true).interface = Some(line.value.to_owned());
            Ok(())
        },
    )
    .once(),
    refused(
        "enable_proxy_protocol",
        Listener,
        "1|2",
        "Takes clients' addresses from a proxy in front.",
        PROXY,
    ),
    refused(
        "http_dir",
        Listener,
        "FOLDER",
        "Files that are served over HTTP.",
        WEBSOCKETS,
    ),
    works(
        "max_connections",
        Listener,
        "COUNT|-1",
        "-1: no limit",
        "The most connections of the listener above it.",
        |draft, line| {
            // Any number opens the default listener, 0 too, which is no limit either.
            let count = value::count(line.value)?;
            draft.opened(line.value != "-1").max_connections = count;
            Ok(())
        },
    ),
    works(
        "maximum_qos",
        Listener,
        "0|1|2",
        "2",
        "The old name of max_qos.",
        max_qos,
    ),
    works(
        "max_qos",
        Listener,
        "0|1|2",
        "2",
        "The highest QoS of messages from clients. Those of MQTT 5 are told; one that sends a higher one is \
         disconnected.",
        max_qos,
    ),
    works(
        "max_topic_alias",
        Listener,
        "COUNT",
        "10",
        "The topic aliases that a client of MQTT 5 may use; 0 is none.",
        |draft, line| {
            draft.listener().max_topic_alias = Some(value::number(line.value, 0..=65_535)?);
            Ok(())
        },
    ),
    works(
        "max_topic_alias_broker",
        Listener,
        "COUNT",
        "10",
        "The topic aliases that the broker uses towards such a client, if it takes any; 0 is none.",
        |draft, line| {
            draft.listener().max_topic_alias_broker = Some(value::number(line.value, 0..=65_535)?);
            Ok(())
        },
    ),
    works(
        "mount_point",
        Listener,
        "PREFIX",
        "none",
        "What is put before all topics of the listener's clients, and taken off again towards them: they see only \
         what is below it.",
        |draft, line| {
            if draft.listeners.is_empty() {
                return Err(Wrong::Unsupported(
                    "mount_point stands below a `listener` line, and there is none above it".to_owned(),
                ));
            }
            draft.listener().mount_point = Some(mount_point(line.value)?);
            Ok(())
        },
    )
    .rest()
    .once(),
    ignored(
        "packet_buffer_size",
        Listener,
        "BYTES",
        "The first buffer of a connection.",
        "buffers have the size that is needed",
    ),
    works(
        "protocol",
        Listener,
        "mqtt|metrics",
        "mqtt",
        "What is spoken: metrics is this broker's own, and serves numbers about it over HTTP in the text form of \
         Prometheus.",
        |draft, line| {
            draft.listener().protocol = protocol(line.value)?;
            Ok(())
        },
    ),
    refused(
        "proxy_protocol_v2_require_tls",
        Listener,
        "true|false",
        "Whether that proxy must have spoken TLS with the client.",
        PROXY,
    ),
    works(
        "socket_domain",
        Listener,
        "ipv4|ipv6",
        "both",
        "The family of addresses to listen on.",
        |draft, line| {
            let family = match line.value {
                "ipv4" => Family::V4,
                "ipv6" => Family::V6,
                _ => return expected("ipv4 or ipv6"),
            };
            draft.opened(true).family = family;
            Ok(())
        },
    ),
    works(
        "use_username_as_clientid",
        Listener,
        "true|false",
        "false",
        "Whether a client's user name takes the place of its client id, so that nobody can end another's session. \
         Clients without a user name are refused then.",
        |draft, line| {
            let on = value::boolean(line.value)?;
            draft.opened(on).username_as_clientid = Some(line.at(on));
            Ok(())
        },
    ),
    ignored(
        "websockets_headers_size",
        Listener,
        "BYTES",
        "The room for headers of HTTP.",
        WEBSOCKETS,
    ),
    refused(
        "websockets_origin",
        Listener,
        "ORIGIN",
        "The pages that browsers may connect from.",
        WEBSOCKETS,
    ),
];

fn max_qos(draft: &mut Draft, line: &Line<'_>) -> Parsed<()> {
    let qos = value::number(line.value, 0..=2)?;
    draft.opened(qos < 2).max_qos = Some(qos);
    Ok(())
}

fn protocol(text: &str) -> Parsed<Protocol> {
    match text {
        "mqtt" => Ok(Protocol::Mqtt),
        "metrics" => Ok(Protocol::Metrics),
        "websockets" | "http_api" => Err(Wrong::Unsupported(format!(
            "protocol {text} is not supported: expected mqtt or metrics"
        ))),
        _ => expected("mqtt or metrics"),
    }
}

/// Numbers of versions, with commas between them.
fn versions(text: &str) -> Parsed<ProtocolVersions> {
    let mut versions = ProtocolVersions::NONE;
    for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        match word {
            "3" => versions.v3 = true,
            "4" => versions.v4 = true,
            "5" => versions.v5 = true,
            _ => return expected("3 (MQTT 3.1), 4 (3.1.1) and 5 (5.0) with commas between them"),
        }
    }
    if versions == ProtocolVersions::NONE {
        return expected("at least one of 3, 4 and 5");
    }
    Ok(versions)
}

fn mount_point(text: &str) -> Parsed<String> {
    match topic::validate_name(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(problem) => expected(format!("the beginning of a topic: {problem}")),
    }
}

/// Begins a listener. A line that is wrong begins one too, so that the options below it are not taken for the
/// listener's above.
fn add_listener(draft: &mut Draft, line: &Line<'_>) -> Parsed<()> {
    let broken = || ListenerDraft {
        broken: true,
        ..ListenerDraft::default()
    };
    let (listener, outcome) = match new_listener(line) {
        Ok((listener, warning)) => {
            let warning = warning.map(|text| Diagnostic::new(line.place, text));
            draft.warnings.extend(warning);
            (listener, Ok(()))
        }
        Err(wrong) => (broken(), Err(wrong)),
    };
    draft.listeners.push(listener);
    outcome
}

/// A listener, and what is said of a comment at the end of its line: Mosquitto does not look at it.
fn new_listener(line: &Line<'_>) -> Parsed<(ListenerDraft, Option<String>)> {
    let (value, comment) = match line.value.split_once(" #") {
        Some((value, _)) => (value.trim_end(), true),
        None => (line.value, false),
    };
    let warning = comment.then(|| ignored_text("listener", value));
    let (port, address) = value.split_once(' ').unwrap_or((value, ""));
    let address = address.trim();
    let mut listener = ListenerDraft {
        place: Some(line.place.clone()),
        ..ListenerDraft::default()
    };
    if port == "0" {
        if !address.starts_with('/') {
            return expected("a port from 1 to 65535, or 0 and the absolute path of a Unix socket");
        }
        listener.unix_path = Some(address.into());
    } else {
        listener.port = Some(value::port(port)?);
        if address.contains(' ') {
            return expected("a port and at most one address");
        }
        listener.host = (!address.is_empty()).then(|| address.to_owned());
    }
    Ok((listener, warning))
}
