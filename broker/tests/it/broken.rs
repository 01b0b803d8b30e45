//! A hundred configurations that are wrong, and what is said about each.

use broker::config::Config;

#[cfg(feature = "server")]
use crate::corpus::mosquitto_takes;
#[cfg(feature = "server")]
use crate::support::free_port;

/// What Mosquitto 2.0 refuses too.
const WORDS: [&str; 28] = [
    "listner 1883",
    "Listener 1883",
    "listener\t1883",
    "listener: 1883",
    "alow_anonymous true",
    "allow-anonymous true",
    "allowanonymous true",
    "passwordfile /etc/passwd",
    "pasword_file /etc/passwd",
    "acl_files /etc/acl",
    "cert_file /etc/server.crt",
    "max_connection 5",
    "max_queue_messages 5",
    "log_destination stdout",
    "logtype all",
    "persistance true",
    "persistence_path /var/lib",
    "require_certificates true",
    "tls_versions tlsv1.2",
    "use_identity_as_user_name true",
    "include /etc/conf.d",
    "server {",
    "[mqtt]",
    " # a comment",
    "// a comment",
    "; a comment",
    "mosquitto_option_of_the_year_3000 true",
    "é 1",
];

const VALUES: [&str; 37] = [
    "listener",
    "listener abc",
    "listener 0",
    "listener 65536",
    "listener -1",
    "port 0",
    "port x",
    "port",
    "bind_address",
    "allow_anonymous",
    "allow_anonymous yes",
    "allow_anonymous True",
    "persistence on",
    "log_dest",
    "log_dest screen",
    "log_dest file",
    "log_type errors",
    "log_timestamp maybe",
    "log_facility 8",
    "log_facility -1",
    "max_keepalive 65536",
    "max_keepalive -5",
    "max_inflight_messages 65536",
    "max_packet_size 10",
    "max_packet_size 0x100",
    "message_size_limit -1",
    "memory_limit -1",
    "sys_interval -1",
    "sys_interval 65536",
    "persistent_client_expiration 14",
    "persistent_client_expiration 2x",
    "persistent_client_expiration d",
    "listener 1883\nmax_qos 3",
    "listener 1883\nmax_topic_alias 65536",
    "listener 1883\nprotocol amqp",
    "listener 1883\nprotocol http_api",
    "listener 1883\nsocket_domain ipv5",
];

const TOGETHER: [&str; 13] = [
    "password_file /a\npassword_file /b",
    "acl_file /a\nacl_file /b",
    "persistence_file a\npersistence_file b",
    "persistence_location /a\npersistence_location /b",
    "pid_file /a\npid_file /b",
    "log_dest file /a\nlog_dest file /b",
    "auto_id_prefix a-\nauto_id_prefix b-",
    "listener 1883\ncertfile /c\ncertfile /d",
    "listener 1883\nuse_identity_as_username true\nuse_subject_as_username true\ncertfile /c\nkeyfile /k",
    "listener 1883\nmount_point a/+/b",
    "clientid_prefixes a\nclientid_prefixes b",
    "include_dir /nowhere/at/all",
    "plugin /usr/lib/nothing.so",
];

/// What Mosquitto 2.0 takes: numbers that it reads as others, words that it does not read, what it does not do, and
/// what it says nothing about.
const STRICTER: [&str; 22] = [
    "log_type",
    "autosave_interval often",
    "autosave_interval 5m",
    "max_queued_messages many",
    "max_inflight_bytes 1k",
    "allow_anonymous true false",
    "allow_anonymous false if they ask",
    "sys_interval 10 seconds",
    "max_connections ten",
    "log_facility five",
    "require_certificate true",
    "use_identity_as_username true",
    "crlfile /etc/crl.pem",
    "cafile /etc/ca.pem",
    "certfile /etc/server.crt",
    "keyfile /etc/server.key",
    "tls_version tlsv1.1",
    "ciphers HIGH",
    "psk_hint home",
    "tls_engine tpm2",
    "per_listener_settings true",
    "connection attic\naddress 127.0.0.1:1\ntopic # out",
];

fn said(cases: &[&str]) -> String {
    let mut lines = Vec::new();
    for text in cases {
        lines.push(text.escape_debug().to_string());
        let error = Config::parse("f", text).unwrap_err().to_string();
        lines.extend(error.lines().map(|line| format!("    {line}")));
    }
    lines.join("\n")
}

#[test]
fn there_are_a_hundred() {
    let count = WORDS.len() + VALUES.len() + TOGETHER.len() + STRICTER.len();
    assert_eq!(count, 100);
}

#[test]
fn a_misspelled_word_is_an_error_that_names_the_nearest() {
    insta::assert_snapshot!(said(&WORDS), @r##"
    listner 1883
        f:1: unknown configuration variable "listner"; did you mean `listener`?
    Listener 1883
        f:1: unknown configuration variable "Listener"; did you mean `listener`?
    listener\t1883
        f:1: unknown configuration variable "listener\t1883"; a space stands between an option and its value, not a tab
    listener: 1883
        f:1: unknown configuration variable "listener:"; did you mean `listener`?
    alow_anonymous true
        f:1: unknown configuration variable "alow_anonymous"; did you mean `allow_anonymous`?
    allow-anonymous true
        f:1: unknown configuration variable "allow-anonymous"; did you mean `allow_anonymous`?
    allowanonymous true
        f:1: unknown configuration variable "allowanonymous"; did you mean `allow_anonymous`?
    passwordfile /etc/passwd
        f:1: unknown configuration variable "passwordfile"; did you mean `password_file`?
    pasword_file /etc/passwd
        f:1: unknown configuration variable "pasword_file"; did you mean `password_file`?
    acl_files /etc/acl
        f:1: unknown configuration variable "acl_files"; did you mean `acl_file`?
    cert_file /etc/server.crt
        f:1: unknown configuration variable "cert_file"; did you mean `certfile`?
    max_connection 5
        f:1: unknown configuration variable "max_connection"; did you mean `max_connections`?
    max_queue_messages 5
        f:1: unknown configuration variable "max_queue_messages"; did you mean `max_queued_messages`?
    log_destination stdout
        f:1: unknown configuration variable "log_destination"; did you mean `log_dest`?
    logtype all
        f:1: unknown configuration variable "logtype"; did you mean `log_type`?
    persistance true
        f:1: unknown configuration variable "persistance"; did you mean `persistence`?
    persistence_path /var/lib
        f:1: unknown configuration variable "persistence_path"; did you mean `persistence_file`?
    require_certificates true
        f:1: unknown configuration variable "require_certificates"; did you mean `require_certificate`?
    tls_versions tlsv1.2
        f:1: unknown configuration variable "tls_versions"; did you mean `tls_version`?
    use_identity_as_user_name true
        f:1: unknown configuration variable "use_identity_as_user_name"; did you mean `use_identity_as_username`?
    include /etc/conf.d
        f:1: unknown configuration variable "include"; did you mean `include_dir`?
    server {
        f:1: unknown configuration variable "server"
    [mqtt]
        f:1: unknown configuration variable "[mqtt]"
     # a comment
        f:1: unknown configuration variable "#"; a comment has # as the first character of its line
    // a comment
        f:1: unknown configuration variable "//"; a comment has # as the first character of its line
    ; a comment
        f:1: unknown configuration variable ";"; a comment has # as the first character of its line
    mosquitto_option_of_the_year_3000 true
        f:1: unknown configuration variable "mosquitto_option_of_the_year_3000"
    é 1
        f:1: unknown configuration variable "é"
    "##);
}

#[test]
fn a_wrong_value_is_an_error_that_says_what_is_expected() {
    insta::assert_snapshot!(said(&VALUES), @r"
    listener
        f:1: empty listener value in configuration: expected PORT [ADDRESS]|0 PATH
    listener abc
        f:1: invalid listener value (abc): expected a port from 1 to 65535
    listener 0
        f:1: invalid listener value (0): expected a port from 1 to 65535, or 0 and the absolute path of a Unix socket
    listener 65536
        f:1: invalid listener value (65536): expected a port from 1 to 65535
    listener -1
        f:1: invalid listener value (-1): expected a port from 1 to 65535
    port 0
        f:1: invalid port value (0): expected a port from 1 to 65535
    port x
        f:1: invalid port value (x): expected a port from 1 to 65535
    port
        f:1: empty port value in configuration: expected PORT
    bind_address
        f:1: empty bind_address value in configuration: expected ADDRESS
    allow_anonymous
        f:1: empty allow_anonymous value in configuration: expected true|false
    allow_anonymous yes
        f:1: invalid allow_anonymous value (yes): expected true or false
    allow_anonymous True
        f:1: invalid allow_anonymous value (True): expected true or false
    persistence on
        f:1: invalid persistence value (on): expected true or false
    log_dest
        f:1: empty log_dest value in configuration: expected stdout|stderr|syslog|topic|file PATH|none
    log_dest screen
        f:1: invalid log_dest value (screen): expected stdout, stderr, syslog, topic, file PATH or none
    log_dest file
        f:1: invalid log_dest value (file): expected a path after `file`
    log_type errors
        f:1: invalid log_type value (errors): expected debug, error, warning, notice, information, subscribe, unsubscribe, websockets, internal, all or none
    log_timestamp maybe
        f:1: invalid log_timestamp value (maybe): expected true or false
    log_facility 8
        f:1: invalid log_facility value (8): expected a whole number from 0 to 7
    log_facility -1
        f:1: invalid log_facility value (-1): expected a whole number from 0 to 7
    max_keepalive 65536
        f:1: invalid max_keepalive value (65536): expected a whole number from 0 to 65535
    max_keepalive -5
        f:1: invalid max_keepalive value (-5): expected a whole number from 0 to 65535
    max_inflight_messages 65536
        f:1: invalid max_inflight_messages value (65536): expected a whole number from 0 to 65535
    max_packet_size 10
        f:1: invalid max_packet_size value (10): expected 0 for no limit, or a whole number from 20 to 268435460
    max_packet_size 0x100
        f:1: invalid max_packet_size value (0x100): expected a whole number from 0 to 268435460
    message_size_limit -1
        f:1: invalid message_size_limit value (-1): expected a whole number from 0 to 268435455
    memory_limit -1
        f:1: invalid memory_limit value (-1): expected a whole number of bytes, or 0 for no limit
    sys_interval -1
        f:1: invalid sys_interval value (-1): expected a whole number from 0 to 65535
    sys_interval 65536
        f:1: invalid sys_interval value (65536): expected a whole number from 0 to 65535
    persistent_client_expiration 14
        f:1: invalid persistent_client_expiration value (14): expected a number and a unit, s, h, d, w, m or y, as in 14d
    persistent_client_expiration 2x
        f:1: invalid persistent_client_expiration value (2x): expected a number and a unit, s, h, d, w, m or y, as in 14d
    persistent_client_expiration d
        f:1: invalid persistent_client_expiration value (d): expected a number and a unit, s, h, d, w, m or y, as in 14d
    listener 1883\nmax_qos 3
        f:2: invalid max_qos value (3): expected a whole number from 0 to 2
    listener 1883\nmax_topic_alias 65536
        f:2: invalid max_topic_alias value (65536): expected a whole number from 0 to 65535
    listener 1883\nprotocol amqp
        f:2: invalid protocol value (amqp): expected mqtt or metrics
    listener 1883\nprotocol http_api
        f:2: protocol http_api is not supported: expected mqtt or metrics
    listener 1883\nsocket_domain ipv5
        f:2: invalid socket_domain value (ipv5): expected ipv4 or ipv6
    ");
}

#[test]
fn what_does_not_go_together_is_an_error() {
    insta::assert_snapshot!(said(&TOGETHER), @r#"
    password_file /a\npassword_file /b
        f:2: duplicate password_file value in configuration: it is on line 1 already
    acl_file /a\nacl_file /b
        f:2: duplicate acl_file value in configuration: it is on line 1 already
    persistence_file a\npersistence_file b
        f:2: duplicate persistence_file value in configuration: it is on line 1 already
    persistence_location /a\npersistence_location /b
        f:2: duplicate persistence_location value in configuration: it is on line 1 already
    pid_file /a\npid_file /b
        f:2: duplicate pid_file value in configuration: it is on line 1 already
    log_dest file /a\nlog_dest file /b
        f:2: duplicate "log_dest file" value in configuration: there can be one log file
    auto_id_prefix a-\nauto_id_prefix b-
        f:2: duplicate auto_id_prefix value in configuration: it is on line 1 already
    listener 1883\ncertfile /c\ncertfile /d
        f:3: duplicate certfile value in configuration: it is on line 2 already
        f:3: certfile needs a keyfile for the same listener
    listener 1883\nuse_identity_as_username true\nuse_subject_as_username true\ncertfile /c\nkeyfile /k
        f:2: use_identity_as_username needs cafile or capath: the authorities that clients' certificates come from
        f:3: use_subject_as_username needs cafile or capath: the authorities that clients' certificates come from
        f:3: use_identity_as_username and use_subject_as_username exclude each other
    listener 1883\nmount_point a/+/b
        f:2: invalid mount_point value (a/+/b): expected the beginning of a topic: a topic name contains no wildcard, this one has '+'
    clientid_prefixes a\nclientid_prefixes b
        f:2: duplicate clientid_prefixes value in configuration: it is on line 1 already
    include_dir /nowhere/at/all
        f:1: cannot read folder /nowhere/at/all: unsupported
    plugin /usr/lib/nothing.so
        f:1: plugin is refused: plugins are not supported; password_file and acl_file are
    "#);
}

#[test]
fn what_others_pass_over_in_silence_is_an_error() {
    let cases: Vec<_> = STRICTER
        .iter()
        .map(|text| format!("listener 1883 127.0.0.1\n{text}"))
        .collect();
    let cases: Vec<_> = cases.iter().map(String::as_str).collect();
    insta::assert_snapshot!(said(&cases), @r"
    listener 1883 127.0.0.1\nlog_type
        f:2: empty log_type value in configuration: expected TYPE|all|none
    listener 1883 127.0.0.1\nautosave_interval often
        f:2: invalid autosave_interval value (often): expected a whole number from 0 to 4294967295
    listener 1883 127.0.0.1\nautosave_interval 5m
        f:2: invalid autosave_interval value (5m): expected a whole number from 0 to 4294967295
    listener 1883 127.0.0.1\nmax_queued_messages many
        f:2: invalid max_queued_messages value (many): expected a whole number from 0 to 4294967295
    listener 1883 127.0.0.1\nmax_inflight_bytes 1k
        f:2: invalid max_inflight_bytes value (1k): expected a whole number of bytes, or 0 for no limit
    listener 1883 127.0.0.1\nallow_anonymous true false
        f:2: invalid allow_anonymous value (true false): expected one word
    listener 1883 127.0.0.1\nallow_anonymous false if they ask
        f:2: invalid allow_anonymous value (false if they ask): expected one word
    listener 1883 127.0.0.1\nsys_interval 10 seconds
        f:2: invalid sys_interval value (10 seconds): expected one word
    listener 1883 127.0.0.1\nmax_connections ten
        f:2: invalid max_connections value (ten): expected a whole number, or -1 for no limit
    listener 1883 127.0.0.1\nlog_facility five
        f:2: invalid log_facility value (five): expected a whole number from 0 to 7
    listener 1883 127.0.0.1\nrequire_certificate true
        f:2: require_certificate needs certfile and keyfile: without them the listener does not encrypt
    listener 1883 127.0.0.1\nuse_identity_as_username true
        f:2: use_identity_as_username needs certfile and keyfile: without them the listener does not encrypt
    listener 1883 127.0.0.1\ncrlfile /etc/crl.pem
        f:2: crlfile needs certfile and keyfile: without them the listener does not encrypt
    listener 1883 127.0.0.1\ncafile /etc/ca.pem
        f:2: cafile needs certfile and keyfile: without them the listener does not encrypt
    listener 1883 127.0.0.1\ncertfile /etc/server.crt
        f:2: certfile needs a keyfile for the same listener
    listener 1883 127.0.0.1\nkeyfile /etc/server.key
        f:2: keyfile needs a certfile for the same listener
    listener 1883 127.0.0.1\ntls_version tlsv1.1
        f:2: tls_version tlsv1.1 is not supported, it is not safe (RFC 8996): expected tlsv1.2 or tlsv1.3
    listener 1883 127.0.0.1\nciphers HIGH
        f:2: ciphers needs certfile and keyfile: without them the listener does not encrypt
    listener 1883 127.0.0.1\npsk_hint home
        f:2: psk_hint is refused: pre-shared keys are not supported: use certificates (certfile, keyfile)
    listener 1883 127.0.0.1\ntls_engine tpm2
        f:2: tls_engine is refused: TLS engines are not supported: keyfile takes a PEM file
    listener 1883 127.0.0.1\nper_listener_settings true
        f:2: per_listener_settings must stand above all listener and security settings
    listener 1883 127.0.0.1\nconnection attic\naddress 127.0.0.1:1\ntopic # out
        f:2: connection is refused: bridges to other brokers are not supported
    ");
}

#[cfg(feature = "server")]
#[test]
fn a_real_mosquitto_refuses_the_same_but_for_what_is_listed_as_stricter() {
    let folder = tempfile::tempdir().unwrap();
    let both = WORDS
        .iter()
        .chain(&VALUES)
        .chain(&TOGETHER)
        .map(|text| (text, false));
    let stricter = STRICTER.iter().map(|text| (text, true));
    let mut different = Vec::new();
    for (text, theirs) in both.chain(stricter) {
        let port = free_port();
        // Where it is taken against expectation there is a port to see that by.
        let config = if theirs {
            format!("listener {port} 127.0.0.1\n{text}\n")
        } else {
            format!("{text}\nlistener {port} 127.0.0.1\n")
        };
        if mosquitto_takes(folder.path(), &config, port) != theirs {
            different.push(text);
        }
    }
    assert_eq!(different, [&""; 0]);
}
