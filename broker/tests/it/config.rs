//! Configurations: what they mean, and what is said about bad ones.

use std::fs;
use std::path::Path;
use std::time::Duration;

use broker::config::{
    Autosave, ClientCertificates, Config, Endpoint, Family, LogDestination, LogType, LogTypes,
    Timestamps, TlsVersion, UserNameFrom,
};

use crate::support::write;

fn parse(text: &str) -> Config {
    Config::parse("broker.conf", text).unwrap()
}

fn errors(text: &str) -> String {
    Config::parse("broker.conf", text).unwrap_err().to_string()
}

fn warnings(config: &Config) -> String {
    let lines: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn nothing_asked_for_means_this_machine_only() {
    for config in [
        Config::local(),
        parse(""),
        parse("allow_anonymous true\npersistence true\n"),
    ] {
        assert!(config.local_only);
        assert_eq!(config.listeners.len(), 1);
        assert_eq!(
            config.listeners[0].endpoint,
            Endpoint::Loopback { port: 1883 }
        );
        assert!(config.listeners[0].security.allow_anonymous);
    }
    assert!(
        !parse("allow_anonymous false\n").listeners[0]
            .security
            .allow_anonymous
    );
}

#[test]
fn any_listener_closes_the_door_to_anonymous_clients() {
    for text in [
        "listener 1883\n",
        "port 1883\n",
        "bind_address 127.0.0.1\n",
        "max_connections 5\n",
    ] {
        let config = parse(text);
        assert!(!config.local_only, "{text}");
        assert!(!config.listeners[0].security.allow_anonymous, "{text}");
    }
}

#[test]
fn the_settings_of_the_owntracks_guide_are_understood_as_they_are() {
    let config = parse(
        "port 1883\npersistence true\npersistence_location /var/lib/mosquitto/\npersistence_file mosquitto.db\n\
         log_dest syslog\nlog_dest stdout\nlog_dest topic\nlog_type error\nlog_type warning\nlog_type notice\n\
         log_type information\nconnection_messages true\nlog_timestamp true\nallow_anonymous false\n\
         password_file /etc/mosquitto/passwd\nacl_file /etc/mosquitto/acl\n\
         listener 8883\ncafile /etc/mosquitto/ca.crt\ncertfile /etc/mosquitto/server.crt\n\
         keyfile /etc/mosquitto/server.key\ntls_version tlsv1.2\nrequire_certificate true\nuse_identity_as_username true\n",
    );
    assert_eq!(warnings(&config), "");
    assert_eq!(
        config.persistence.path(),
        Path::new("/var/lib/mosquitto/mosquitto.db")
    );
    assert_eq!(
        config.persistence.autosave,
        Autosave::Every(Duration::from_secs(1800))
    );
    let destinations = [
        LogDestination::Syslog,
        LogDestination::Stdout,
        LogDestination::Topic,
    ];
    assert_eq!(config.log.destinations, destinations);
    assert_eq!(config.log.types, LogTypes::default());
    assert_eq!(config.log.timestamps, Timestamps::Epoch);
    let [plain, tls] = &config.listeners[..] else {
        unreachable!("{:?}", config.listeners)
    };
    assert!(matches!(plain.endpoint, Endpoint::Tcp { port: 1883, .. }) && plain.tls.is_none());
    assert_eq!(plain.security, tls.security);
    assert_eq!(
        tls.security.password_file.as_deref(),
        Some(Path::new("/etc/mosquitto/passwd"))
    );
    let tls = tls.tls.as_ref().unwrap();
    assert_eq!(tls.client_certificates, ClientCertificates::Required);
    assert_eq!(tls.user_name_from, Some(UserNameFrom::CommonName));
    assert_eq!(tls.min_version, TlsVersion::V1_2);
}

#[test]
fn values_become_types() {
    let config = parse(
        "autosave_on_changes true\nautosave_interval 5\nmax_inflight_messages 0\nmax_queued_messages 7\n\
         max_queued_bytes 5000000000\nmax_packet_size 0\nmessage_size_limit 100\nmax_keepalive 600\n\
         persistent_client_expiration 2w\nsys_interval 0\nlog_type all\nlog_type none\nlog_type debug\n\
         log_timestamp_format %Y-%m-%dT%H:%M:%S\nlog_facility 3\nlog_dest file /var/log/broker log\n\
         listener 1883 ::1\nsocket_domain ipv6\nmax_connections 10\nlistener 0 /run/broker.sock\nmax_connections -1\n",
    );
    assert_eq!(
        config.persistence.autosave,
        Autosave::Changes(5.try_into().unwrap())
    );
    let limits = &config.limits;
    assert_eq!(
        (limits.max_inflight_messages, limits.max_queued_messages),
        (None, Some(7))
    );
    assert_eq!(
        (limits.max_queued_bytes, limits.max_packet_size),
        (Some(5_000_000_000), None)
    );
    assert_eq!(
        (limits.message_size_limit, limits.max_keepalive),
        (Some(100), 600)
    );
    assert_eq!(
        limits.persistent_client_expiration,
        Some(Duration::from_secs(14 * 86_400))
    );
    assert_eq!(config.service.sys_interval, None);
    assert_eq!(config.log.types, LogTypes::NONE.with(LogType::Debug));
    assert_eq!(
        config.log.timestamps,
        Timestamps::Format("%Y-%m-%dT%H:%M:%S".to_owned())
    );
    assert_eq!(config.log.facility, 19);
    assert_eq!(
        config.log.destinations,
        [LogDestination::File("/var/log/broker log".into())]
    );
    let host = Some("::1".to_owned());
    let tcp = Endpoint::Tcp {
        port: 1883,
        host,
        family: Family::V6,
        interface: None,
    };
    assert_eq!(
        (
            &config.listeners[0].endpoint,
            config.listeners[0].max_connections
        ),
        (&tcp, Some(10))
    );
    assert_eq!(
        config.listeners[1].endpoint,
        Endpoint::Unix("/run/broker.sock".into())
    );
}

#[test]
fn with_per_listener_settings_each_has_its_own_security() {
    let config = parse(
        "per_listener_settings true\nlistener 1883 127.0.0.1\nallow_anonymous true\n\
         listener 8883\npassword_file /p\nacl_file /a\n",
    );
    let [one, two] = &config.listeners[..] else {
        unreachable!("{:?}", config.listeners)
    };
    assert!(one.security.allow_anonymous && one.security.password_file.is_none());
    assert!(!two.security.allow_anonymous && two.security.acl_file.is_some());
}

#[test]
fn all_errors_are_told_at_once_with_file_and_line() {
    let text = "\
listner 1883
bogus_option_that_is_like_nothing x
  # not a comment
allow_anonymous maybe
allow_anonymous
password_file /a
password_file /b
max_keepalive 70000
log_type errors
log_dest files
log_dest file
persistent_client_expiration 2x
protocol websockets
tls_version tlsv1.1
psk_file /p
plugin /p.so
plugin_opt_file /x
connection friend
address example.com
topic # both
listener abc
listener 0 relative
listener 1883 a b
listener 1883
certfile /c
dhparamfile /d
listener 1884
keyfile /k
listener 1885
require_certificate true
tls_version tlsv1.3
listener 1886
certfile /c
keyfile /k
require_certificate true
use_identity_as_username true
use_subject_as_username true
crlfile /r
listener 1886
per_listener_settings true
include_dir /etc
port 1883 1884
";
    insta::assert_snapshot!(errors(text), @r##"
    broker.conf:1: unknown configuration variable "listner"; did you mean `listener`?
    broker.conf:2: unknown configuration variable "bogus_option_that_is_like_nothing"
    broker.conf:3: unknown configuration variable "#"; a comment has # as the first character of its line
    broker.conf:4: invalid allow_anonymous value (maybe): expected true or false
    broker.conf:5: empty allow_anonymous value in configuration: expected true|false
    broker.conf:7: duplicate password_file value in configuration: it is on line 6 already
    broker.conf:8: invalid max_keepalive value (70000): expected a whole number from 0 to 65535
    broker.conf:9: invalid log_type value (errors): expected debug, error, warning, notice, information, subscribe, unsubscribe, websockets, internal, all or none
    broker.conf:10: invalid log_dest value (files): expected stdout, stderr, syslog, topic, file PATH or none
    broker.conf:11: invalid log_dest value (file): expected a path after `file`
    broker.conf:12: invalid persistent_client_expiration value (2x): expected a number and a unit, s, h, d, w, m or y, as in 14d
    broker.conf:13: protocol websockets is not supported: expected mqtt or metrics
    broker.conf:14: tls_version tlsv1.1 is not supported, it is not safe (RFC 8996): expected tlsv1.2 or tlsv1.3
    broker.conf:15: psk_file is refused: pre-shared keys are not supported: use certificates (certfile, keyfile)
    broker.conf:16: plugin is refused: plugins are not supported; password_file and acl_file are
    broker.conf:17: plugin_opt_file is refused: plugins are not supported; password_file and acl_file are
    broker.conf:18: connection is refused: bridges to other brokers are not supported
    broker.conf:21: invalid listener value (abc): expected a port from 1 to 65535
    broker.conf:22: invalid listener value (0 relative): expected a port from 1 to 65535, or 0 and the absolute path of a Unix socket
    broker.conf:23: invalid listener value (1883 a b): expected a port and at most one address
    broker.conf:25: certfile needs a keyfile for the same listener
    broker.conf:26: dhparamfile is refused: elliptic curves are used, which need no parameters: remove the line
    broker.conf:28: keyfile needs a certfile for the same listener
    broker.conf:30: require_certificate needs certfile and keyfile: without them the listener does not encrypt
    broker.conf:31: tls_version needs certfile and keyfile: without them the listener does not encrypt
    broker.conf:35: require_certificate needs cafile or capath: the authorities that clients' certificates come from
    broker.conf:36: use_identity_as_username needs cafile or capath: the authorities that clients' certificates come from
    broker.conf:37: use_subject_as_username needs cafile or capath: the authorities that clients' certificates come from
    broker.conf:37: use_identity_as_username and use_subject_as_username exclude each other
    broker.conf:38: crlfile needs cafile or capath: the authorities that clients' certificates come from
    broker.conf:39: there is a listener at this port and address already
    broker.conf:40: per_listener_settings must stand above all listener and security settings
    broker.conf:41: cannot read folder /etc: unsupported
    broker.conf:42: invalid port value (1883 1884): expected one word
    "##);
}

#[test]
fn what_is_legal_but_without_effect_is_warned_of() {
    let config = parse(
        "# comment\nallow_anonymous true # for now\nallow_anonymous false\npacket_buffer_size 4096\n\
         websockets_log_level 1\nenable_control_api false\n",
    );
    insta::assert_snapshot!(warnings(&config), @r"
    broker.conf:2: the text after allow_anonymous true is ignored; a comment needs a line of its own
    broker.conf:3: allow_anonymous is set again: what line 2 says is overridden
    broker.conf:4: packet_buffer_size is ignored: buffers have the size that is needed
    broker.conf:5: websockets_log_level is ignored: there are no websockets
    broker.conf:6: enable_control_api is ignored: there is no control API
    ");
    assert!(!config.listeners[0].security.allow_anonymous);
}

#[test]
fn a_folder_is_included_in_order_and_its_errors_name_its_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        write(&path, text);
        path
    };
    let main = file(
        "main.conf",
        &format!("listener 1883\ninclude_dir {}/d\n", folder.path().display()),
    );
    file("d/b.conf", "listener 1885\n");
    file("d/a.conf", "max_connections 3\nlistener 1884\n");
    file("d/ignored.txt", "nonsense\n");
    let config = Config::load(&main).unwrap();
    let ports: Vec<_> = config
        .listeners
        .iter()
        .map(|listener| (&listener.endpoint, listener.max_connections))
        .collect();
    assert!(matches!(
        ports[..],
        [
            (Endpoint::Tcp { port: 1883, .. }, Some(3)),
            (Endpoint::Tcp { port: 1884, .. }, None),
            (Endpoint::Tcp { port: 1885, .. }, None)
        ]
    ));
    let bad = file("d/b.conf", "listener 1885\nnonsense\n");
    write(folder.path().join("d/c.conf"), b"listener 1\n\xff\n");
    let error = Config::load(&main).unwrap_err().to_string();
    let expected = format!(
        "{}:2: unknown configuration variable \"nonsense\"\n{}/d/c.conf:2: invalid UTF-8",
        bad.display(),
        folder.path().display()
    );
    assert_eq!(error, expected);
}

#[test]
fn the_files_that_a_configuration_names_are_checked_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let [passwd, acl] =
        ["passwd", "acl"].map(|name| folder.path().join(name).display().to_string());
    let config = parse(&format!(
        "listener 1883\nlistener 1884\npassword_file {passwd}\nacl_file {acl}\n"
    ));
    let clean = |text: String| text.replace(folder.path().to_str().unwrap(), "[DIR]");
    insta::assert_snapshot!(clean(config.check_files().unwrap_err().to_string()), @r"
    broker.conf:3: password_file: cannot read [DIR]/passwd: No such file or directory (os error 2)
    broker.conf:4: acl_file: cannot read [DIR]/acl: No such file or directory (os error 2)
    ");
    write(&passwd, "fred:secret\noops\n");
    write(&acl, "topic read a\ntopics b\n");
    insta::assert_snapshot!(clean(config.check_files().unwrap_err().to_string()), @r#"
    [DIR]/acl:2: invalid line: expected `user`, `topic`, `pattern` or `#`, found "topics"
    [DIR]/passwd:1: the password of user "fred" is not a hash: expected $7$…, $6$… or $argon2id$…; `mqtt-broker passwd -U FILE` hashes a file of clear-text passwords
    [DIR]/passwd:2: expected NAME:HASH, found no ':'
    "#);
    write(&passwd, "");
    write(&acl, "pattern read a\n");
    let warnings: Vec<_> = config
        .check_files()
        .unwrap()
        .iter()
        .map(|warning| clean(warning.to_string()))
        .collect();
    assert_eq!(
        warnings,
        ["[DIR]/acl:1: pattern \"a\" has no whole level %u or %c: it is the same for everybody"]
    );
    let access = config.load_access().unwrap();
    assert_eq!(access.listeners.len(), 2);
    assert!(
        access
            .listeners
            .iter()
            .all(|listener| listener.acl.is_some() && listener.passwords.is_some())
    );
}
