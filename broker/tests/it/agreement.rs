//! The language of the configuration, against Mosquitto itself and its manual.

use broker::config::{Config, Support, options};
use proptest::prelude::*;

use crate::support::Mosquitto;

/// The options of the manual of Mosquitto 2.1, so that none is forgotten in a change of the table.
const MANUAL: &str = "acl_file password_file psk_file allow_anonymous allow_zero_length_clientid auto_id_prefix \
clientid_prefixes per_listener_settings plugin auth_plugin plugin_opt_x auth_opt_x auth_plugin_deny_special_chars \
global_plugin allow_duplicate_messages autosave_interval autosave_on_changes check_retain_source connection_messages \
enable_control_api global_max_clients global_max_connections include_dir max_inflight_bytes max_inflight_messages \
max_keepalive max_packet_size max_queued_bytes max_queued_messages memory_limit message_size_limit persistence \
persistence_file persistence_location persistent_client_expiration pid_file queue_qos0_messages retain_available \
retain_expiry_interval set_tcp_nodelay sys_interval upgrade_outgoing_qos user log_dest log_facility log_timestamp \
log_timestamp_format log_type websockets_log_level listener port bind_address bind_interface socket_domain protocol \
max_connections max_qos max_topic_alias max_topic_alias_broker mount_point use_username_as_clientid \
listener_allow_anonymous listener_auto_id_prefix accept_protocol_versions enable_proxy_protocol \
proxy_protocol_v2_require_tls http_dir packet_buffer_size websockets_headers_size websockets_origin cafile capath \
certfile keyfile ciphers ciphers_tls1.3 crlfile dhparamfile disable_client_cert_date_checks require_certificate \
tls_engine tls_engine_kpass_sha1 tls_keyform tls_version use_identity_as_username use_subject_as_username psk_hint \
connection address addresses bridge_attempt_unsubscribe bridge_bind_address bridge_max_packet_size \
bridge_max_topic_alias bridge_outgoing_retain bridge_protocol_version bridge_receive_maximum bridge_reload_type \
bridge_session_expiry_interval bridge_tcp_keepalive bridge_tcp_user_timeout cleansession local_cleansession \
keepalive_interval idle_timeout local_clientid local_username local_password notifications notifications_local_only \
notification_topic remote_clientid clientid remote_username username remote_password password restart_timeout \
round_robin start_type threshold topic try_private bridge_alpn bridge_cafile bridge_capath bridge_certfile \
bridge_keyfile bridge_identity bridge_psk bridge_insecure bridge_require_ocsp bridge_tls_use_os_certs \
bridge_tls_version bridge_ciphers bridge_ciphers_tls1.3";

#[test]
fn every_option_of_the_manual_is_a_known_word() {
    for name in MANUAL.split_whitespace() {
        if let Err(error) = Config::parse("f", &format!("{name} 1\n")) {
            assert!(!error.to_string().contains("unknown"), "{error}");
        }
    }
}

#[test]
fn the_table_of_options_is_complete_and_without_doubles() {
    let mut names: Vec<_> = options().map(|option| option.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for option in options() {
        assert!(!option.syntax.is_empty(), "{}", option.name);
        if let Support::Ignored(why) | Support::Refused(why) = option.support {
            assert!(!why.is_empty(), "{}", option.name);
        }
    }
}

/// Texts, and whether Mosquitto 2.0 and we take them.
const CORPUS: [(&str, bool, bool); 30] = [
    ("listener @PORT@ 127.0.0.1\n", true, true),
    ("listener  @PORT@  127.0.0.1 \r\n", true, true),
    ("port @PORT@\nbind_address 127.0.0.1\n", true, true),
    (
        "listener @PORT@ 127.0.0.1\nallow_anonymous 1\nretain_available 0\n",
        true,
        true,
    ),
    (
        "listener @PORT@ 127.0.0.1\nsocket_domain ipv4\nmax_connections -1\n",
        true,
        true,
    ),
    (
        "listener @PORT@ 127.0.0.1\nmax_inflight_messages 0\nmax_queued_messages 0\n",
        true,
        true,
    ),
    (
        "listener @PORT@ 127.0.0.1\npersistent_client_expiration 14d\n",
        true,
        true,
    ),
    (
        "per_listener_settings true\nlistener @PORT@ 127.0.0.1\nallow_anonymous true\n",
        true,
        true,
    ),
    (
        "listener @PORT@ 127.0.0.1\nlog_type all\nlog_timestamp_format %F %T\nlog_timestamp false\n",
        true,
        true,
    ),
    ("listener @PORT@ 127.0.0.1\nuser nobody\n", false, true),
    (
        "listener @PORT@ 127.0.0.1\nmax_keepalive 65535\nsys_interval 0\n",
        true,
        true,
    ),
    ("listener @PORT@ # mine\n", true, true),
    (
        "listener @PORT@ 127.0.0.1\nretry_interval 20\nmaximum_qos 1\n",
        true,
        true,
    ),
    ("#listener x\nlistener @PORT@ 127.0.0.1\n", true, true),
    ("listener\t@PORT@\n", false, false),
    ("Listener @PORT@\n", false, false),
    (" # x\n", false, false),
    ("listener\n", false, false),
    ("listener 0\n", false, false),
    ("listener 65536\n", false, false),
    ("allow_anonymous TRUE\n", false, false),
    ("log_type foo\n", false, false),
    ("log_dest file\n", false, false),
    ("protocol foo\n", false, false),
    ("max_keepalive 70000\n", false, false),
    ("persistent_client_expiration 2x\n", false, false),
    ("persistence_file a\npersistence_file b\n", false, false),
    // Stricter: what Mosquitto reads as a number that was not meant, or does not read at all.
    (
        "listener @PORT@ 127.0.0.1\nautosave_interval abc\n",
        true,
        false,
    ),
    (
        "listener @PORT@ 127.0.0.1\nallow_anonymous true false\n",
        true,
        false,
    ),
    // Stricter: here Mosquitto opens a listener without encryption.
    (
        "listener @PORT@ 127.0.0.1\nrequire_certificate true\n",
        true,
        false,
    ),
];

#[test]
fn a_real_mosquitto_takes_and_refuses_the_same_files_but_for_known_exceptions() {
    let folder = tempfile::tempdir().unwrap();
    for (text, theirs, ours) in CORPUS {
        let started = Mosquitto::start(folder.path(), text);
        assert_eq!(
            started.is_ok(),
            theirs,
            "Mosquitto on {text:?}: {:?}",
            started.err()
        );
        let parsed = Config::parse("f", &text.replace("@PORT@", "18830"));
        assert_eq!(parsed.is_ok(), ours, "we on {text:?}: {:?}", parsed.err());
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "((listener|port|log_dest|log_type|certfile|[a-z_]{1,9})? [ -~é]{0,9}\n){0,6}|.*") {
        let _ = Config::parse("f", &text);
    }
}
