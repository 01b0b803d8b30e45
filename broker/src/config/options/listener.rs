//! The sections "listeners" and "TLS" of the manual.

use super::spec::{Line, OptionSpec, Scope, ignored, refused, works};
use crate::config::draft::{Draft, ListenerDraft};
use crate::config::model::{Family, Protocol, TlsVersion};
use crate::config::value::{self, Parsed, Wrong, expected};

use Scope::{General, Listener, Security, Tls};

const WEBSOCKETS: &str = "websockets are not supported";
const PSK: &str = "pre-shared keys are not supported: use certificates (certfile, keyfile)";
const ENGINES: &str = "TLS engines are not supported: keyfile takes a PEM file";
const PER_LISTENER: &str =
    "set per_listener_settings true, and the option without listener_ below its listener";
const PROXY: &str = "the PROXY protocol is not supported";

pub(super) const OPTIONS: &[OptionSpec] = &[
    works("listener", Listener, "PORT [ADDRESS]|0 PATH", add_listener)
        .rest()
        .many(),
    works("port", General, "PORT", |draft, line| {
        draft.default_listener.port = Some(value::port(line.value)?);
        draft.default_listener.place = Some(line.place.clone());
        draft.default_listener.touched = true;
        Ok(())
    }),
    works("bind_address", General, "ADDRESS", |draft, line| {
        draft.default_listener.host = Some(line.value.to_owned());
        draft.default_listener.touched = true;
        Ok(())
    })
    .once(),
    works("bind_interface", Listener, "INTERFACE", |draft, line| {
        draft.listener().interface = Some(line.value.to_owned());
        Ok(())
    })
    .once(),
    works("socket_domain", Listener, "ipv4|ipv6", |draft, line| {
        draft.listener().family = match line.value {
            "ipv4" => Family::V4,
            "ipv6" => Family::V6,
            _ => return expected("ipv4 or ipv6"),
        };
        Ok(())
    }),
    works(
        "protocol",
        Listener,
        "mqtt|metrics",
        |draft, line| match line.value {
            "mqtt" => {
                draft.listener().touched = true;
                Ok(())
            }
            "metrics" => {
                draft.listener().protocol = Protocol::Metrics;
                Ok(())
            }
            "websockets" | "http_api" => Err(Wrong::Unsupported(format!(
                "protocol {} is not supported: expected mqtt or metrics",
                line.value
            ))),
            _ => expected("mqtt or metrics"),
        },
    ),
    works("max_connections", Listener, "COUNT|-1", |draft, line| {
        draft.listener().max_connections = match line.value {
            "-1" => None,
            // Mosquitto takes 0 as "no limit" as well.
            text => value::limit(text, u32::MAX)?,
        };
        Ok(())
    }),
    refused(
        "max_qos",
        Listener,
        "0-2",
        "all of MQTT's qualities of service are served",
    ),
    ignored(
        "max_topic_alias",
        Listener,
        "COUNT",
        "topic aliases are not used",
    ),
    ignored(
        "max_topic_alias_broker",
        Listener,
        "COUNT",
        "topic aliases are not used",
    ),
    refused(
        "mount_point",
        Listener,
        "PREFIX",
        "all listeners share one tree of topics",
    ),
    refused(
        "use_username_as_clientid",
        Listener,
        "true|false",
        "client ids are what clients say; acl_file patterns know %u",
    ),
    refused(
        "listener_allow_anonymous",
        Security,
        "true|false",
        PER_LISTENER,
    ),
    refused("listener_auto_id_prefix", Security, "PREFIX", PER_LISTENER),
    refused(
        "accept_protocol_versions",
        Listener,
        "3,4,5",
        "each listener speaks all versions that the broker does",
    ),
    refused("enable_proxy_protocol", Listener, "1|2", PROXY),
    refused(
        "proxy_protocol_v2_require_tls",
        Listener,
        "true|false",
        PROXY,
    ),
    refused("http_dir", Listener, "FOLDER", WEBSOCKETS),
    ignored("packet_buffer_size", Listener, "BYTES", WEBSOCKETS),
    ignored("websockets_headers_size", Listener, "BYTES", WEBSOCKETS),
    refused("websockets_origin", Listener, "ORIGIN", WEBSOCKETS),
    works("cafile", Tls, "PATH", |draft, line| {
        draft.listener().cafile = Some(line.at(line.value.into()));
        Ok(())
    })
    .rest()
    .once(),
    refused(
        "capath",
        Tls,
        "FOLDER",
        "name one file with all certificates in it: cafile",
    ),
    works("certfile", Tls, "PATH", |draft, line| {
        draft.listener().certfile = Some(line.at(line.value.into()));
        Ok(())
    })
    .rest()
    .once(),
    works("keyfile", Tls, "PATH", |draft, line| {
        draft.listener().keyfile = Some(line.at(line.value.into()));
        Ok(())
    })
    .rest()
    .once(),
    works("crlfile", Tls, "PATH", |draft, line| {
        draft.listener().crlfile = Some(line.at(line.value.into()));
        Ok(())
    })
    .rest()
    .once(),
    works("require_certificate", Tls, "true|false", |draft, line| {
        draft.listener().require_certificate = Some(line.at(value::boolean(line.value)?));
        Ok(())
    })
    .at_start(),
    works(
        "use_identity_as_username",
        Tls,
        "true|false",
        |draft, line| {
            draft.listener().use_identity = Some(line.at(value::boolean(line.value)?));
            Ok(())
        },
    )
    .at_start(),
    works(
        "use_subject_as_username",
        Tls,
        "true|false",
        |draft, line| {
            draft.listener().use_subject = Some(line.at(value::boolean(line.value)?));
            Ok(())
        },
    )
    .at_start(),
    works("tls_version", Tls, "tlsv1.2|tlsv1.3", |draft, line| {
        let version = match line.value {
            "tlsv1.2" => TlsVersion::V1_2,
            "tlsv1.3" => TlsVersion::V1_3,
            "tlsv1" | "tlsv1.1" => {
                return Err(Wrong::Unsupported(format!(
                    "tls_version {} is not supported, it is not safe (RFC 8996): \
                     expected tlsv1.2 or tlsv1.3",
                    line.value
                )));
            }
            _ => return expected("tlsv1.2 or tlsv1.3"),
        };
        draft.listener().tls_version = Some(line.at(version));
        Ok(())
    })
    .at_start(),
    ignored(
        "ciphers",
        Tls,
        "LIST",
        "all suites that are offered are strong, and chosen in the best order",
    ),
    ignored(
        "ciphers_tls1.3",
        Tls,
        "LIST",
        "all suites that are offered are strong, and chosen in the best order",
    ),
    refused(
        "dhparamfile",
        Tls,
        "PATH",
        "elliptic curves are used, which need no parameters: remove the line",
    ),
    refused(
        "disable_client_cert_date_checks",
        Tls,
        "true|false",
        "the dates of clients' certificates are always checked",
    ),
    refused("psk_hint", Tls, "HINT", PSK),
    refused("tls_engine", Tls, "ENGINE", ENGINES),
    refused("tls_engine_kpass_sha1", Tls, "SHA1", ENGINES),
    refused("tls_keyform", Tls, "pem|engine", ENGINES),
];

/// Begins a listener. A line that is wrong begins one too, so that the options below it are not taken for the
/// listener's above.
fn add_listener(draft: &mut Draft, line: &Line<'_>) -> Parsed<()> {
    let broken = || ListenerDraft {
        broken: true,
        ..ListenerDraft::default()
    };
    let (listener, outcome) = match new_listener(line) {
        Ok(listener) => (listener, Ok(())),
        Err(wrong) => (broken(), Err(wrong)),
    };
    draft.listeners.push(listener);
    outcome
}

fn new_listener(line: &Line<'_>) -> Parsed<ListenerDraft> {
    let (port, address) = line.value.split_once(' ').unwrap_or((line.value, ""));
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
    Ok(listener)
}
