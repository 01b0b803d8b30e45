//! The section "bridges" of the manual: known words, all refused.

use super::spec::{OptionSpec, Scope, refused};

const BRIDGES: &str = "bridges to other brokers are not supported";

const fn bridge(name: &'static str, syntax: &'static str) -> OptionSpec {
    refused(name, Scope::Bridge, syntax, BRIDGES)
}

pub(super) const OPTIONS: &[OptionSpec] = &[
    bridge("connection", "NAME"),
    bridge("address", "HOST[:PORT] ..."),
    bridge("addresses", "HOST[:PORT] ..."),
    bridge("bridge_alpn", "PROTOCOL"),
    bridge("bridge_attempt_unsubscribe", "true|false"),
    bridge("bridge_bind_address", "ADDRESS"),
    bridge("bridge_cafile", "PATH"),
    bridge("bridge_capath", "FOLDER"),
    bridge("bridge_certfile", "PATH"),
    bridge("bridge_ciphers", "LIST"),
    bridge("bridge_ciphers_tls1.3", "LIST"),
    bridge("bridge_identity", "IDENTITY"),
    bridge("bridge_insecure", "true|false"),
    bridge("bridge_keyfile", "PATH"),
    bridge("bridge_max_packet_size", "BYTES"),
    bridge("bridge_max_topic_alias", "COUNT"),
    bridge("bridge_outgoing_retain", "true|false"),
    bridge("bridge_protocol_version", "mqttv31|mqttv311|mqttv50"),
    bridge("bridge_psk", "KEY"),
    bridge("bridge_receive_maximum", "COUNT"),
    bridge("bridge_reload_type", "lazy|immediate"),
    bridge("bridge_require_ocsp", "true|false"),
    bridge("bridge_session_expiry_interval", "SECONDS"),
    bridge("bridge_tcp_keepalive", "IDLE INTERVAL COUNT"),
    bridge("bridge_tcp_user_timeout", "MILLISECONDS"),
    bridge("bridge_tls_use_os_certs", "true|false"),
    bridge("bridge_tls_version", "tlsv1.2|tlsv1.3"),
    bridge("cleansession", "true|false"),
    bridge("clientid", "ID"),
    bridge("idle_timeout", "SECONDS"),
    bridge("keepalive_interval", "SECONDS"),
    bridge("local_cleansession", "true|false"),
    bridge("local_clientid", "ID"),
    bridge("local_password", "PASSWORD"),
    bridge("local_username", "NAME"),
    bridge("notification_topic", "TOPIC"),
    bridge("notifications", "true|false"),
    bridge("notifications_local_only", "true|false"),
    bridge("password", "PASSWORD"),
    bridge("remote_clientid", "ID"),
    bridge("remote_password", "PASSWORD"),
    bridge("remote_username", "NAME"),
    bridge("restart_timeout", "BASE [CAP]|CONSTANT"),
    bridge("round_robin", "true|false"),
    bridge("start_type", "automatic|lazy|once"),
    bridge("threshold", "COUNT"),
    bridge(
        "topic",
        "PATTERN [[[out|in|both] QOS] LOCAL-PREFIX REMOTE-PREFIX]",
    ),
    bridge("try_private", "true|false"),
    bridge("username", "NAME"),
];
