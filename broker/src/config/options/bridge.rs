//! The section "bridges" of the manual: known words, all refused.

use super::spec::{OptionSpec, Scope, refused};

const BRIDGES: &str = "bridges to other brokers are not supported";

const fn bridge(name: &'static str, syntax: &'static str, help: &'static str) -> OptionSpec {
    refused(name, Scope::Bridge, syntax, help, BRIDGES)
}

pub(super) const OPTIONS: &[OptionSpec] = &[
    bridge("connection", "NAME", "Begins a bridge."),
    bridge("address", "HOST[:PORT] ...", "The other broker."),
    bridge("addresses", "HOST[:PORT] ...", "The same as address."),
    bridge(
        "bridge_alpn",
        "PROTOCOL",
        "The application protocol that TLS asks for.",
    ),
    bridge(
        "bridge_attempt_unsubscribe",
        "true|false",
        "Whether topics that only go out are unsubscribed from.",
    ),
    bridge(
        "bridge_bind_address",
        "ADDRESS",
        "The local address to connect from.",
    ),
    bridge(
        "bridge_cafile",
        "PATH",
        "The authorities that the other broker's certificate may come from.",
    ),
    bridge(
        "bridge_capath",
        "FOLDER",
        "The same, one file for each authority.",
    ),
    bridge("bridge_certfile", "PATH", "The bridge's own certificate."),
    bridge("bridge_ciphers", "LIST", "Suites for TLS 1.2."),
    bridge("bridge_ciphers_tls1.3", "LIST", "Suites for TLS 1.3."),
    bridge(
        "bridge_identity",
        "IDENTITY",
        "The name that goes with a pre-shared key.",
    ),
    bridge(
        "bridge_insecure",
        "true|false",
        "Whether the name in the other broker's certificate is left unchecked.",
    ),
    bridge("bridge_keyfile", "PATH", "The key of bridge_certfile."),
    bridge(
        "bridge_max_packet_size",
        "BYTES",
        "The largest packet that is sent.",
    ),
    bridge(
        "bridge_max_topic_alias",
        "COUNT",
        "The topic aliases that the other broker may use.",
    ),
    bridge(
        "bridge_outgoing_retain",
        "true|false",
        "Whether messages go out with their retain flag.",
    ),
    bridge(
        "bridge_protocol_version",
        "mqttv31|mqttv311|mqttv50",
        "The version of MQTT that the bridge speaks.",
    ),
    bridge("bridge_psk", "KEY", "A pre-shared key."),
    bridge(
        "bridge_receive_maximum",
        "COUNT",
        "The messages that may be on the way to the bridge.",
    ),
    bridge(
        "bridge_reload_type",
        "lazy|immediate",
        "When a reload restarts the bridge.",
    ),
    bridge(
        "bridge_require_ocsp",
        "true|false",
        "Whether the other broker must prove that its certificate is not revoked.",
    ),
    bridge(
        "bridge_session_expiry_interval",
        "SECONDS",
        "How long the other broker keeps the session.",
    ),
    bridge(
        "bridge_tcp_keepalive",
        "IDLE INTERVAL COUNT",
        "How TCP finds out that the other end is gone.",
    ),
    bridge(
        "bridge_tcp_user_timeout",
        "MILLISECONDS",
        "How long sent bytes may stay without an answer.",
    ),
    bridge(
        "bridge_tls_use_os_certs",
        "true|false",
        "Whether the system's authorities are trusted.",
    ),
    bridge(
        "bridge_tls_version",
        "tlsv1.2|tlsv1.3",
        "The lowest version of TLS.",
    ),
    bridge(
        "cleansession",
        "true|false",
        "Whether the session ends with the connection.",
    ),
    bridge("clientid", "ID", "The old name of remote_clientid."),
    bridge(
        "idle_timeout",
        "SECONDS",
        "When a lazy bridge without messages ends.",
    ),
    bridge(
        "keepalive_interval",
        "SECONDS",
        "How often an idle bridge says that it is there.",
    ),
    bridge(
        "local_cleansession",
        "true|false",
        "The same as cleansession, on this side only.",
    ),
    bridge("local_clientid", "ID", "The client id on this side."),
    bridge("local_password", "PASSWORD", "The password on this side."),
    bridge("local_username", "NAME", "The user name on this side."),
    bridge(
        "notification_topic",
        "TOPIC",
        "Where the bridge's state is published.",
    ),
    bridge(
        "notifications",
        "true|false",
        "Whether the bridge's state is published.",
    ),
    bridge(
        "notifications_local_only",
        "true|false",
        "Whether only this side learns of it.",
    ),
    bridge("password", "PASSWORD", "The old name of remote_password."),
    bridge("remote_clientid", "ID", "The client id on the other side."),
    bridge(
        "remote_password",
        "PASSWORD",
        "The password on the other side.",
    ),
    bridge(
        "remote_username",
        "NAME",
        "The user name on the other side.",
    ),
    bridge(
        "restart_timeout",
        "BASE [CAP]|CONSTANT",
        "The waits between attempts to connect.",
    ),
    bridge(
        "round_robin",
        "true|false",
        "Whether all addresses are as good as the first.",
    ),
    bridge(
        "start_type",
        "automatic|lazy|once",
        "When the bridge connects.",
    ),
    bridge(
        "threshold",
        "COUNT",
        "The waiting messages that start a lazy bridge.",
    ),
    bridge(
        "topic",
        "PATTERN [[[out|in|both] QOS] LOCAL-PREFIX REMOTE-PREFIX]",
        "The topics that the bridge carries.",
    ),
    bridge(
        "try_private",
        "true|false",
        "Whether the bridge says that it is one.",
    ),
    bridge("username", "NAME", "The old name of remote_username."),
];
