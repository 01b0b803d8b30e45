//! What single options become.

use std::path::Path;
use std::time::Duration;

use broker::config::{ClientCertificates, Config, Listener, Protocol};

fn parse(text: &str) -> Config {
    Config::parse("broker.conf", text).unwrap()
}

#[test]
fn settings_of_one_listener_become_types() {
    let config = parse(
        "clientid_prefixes home-\nauto_id_prefix all-\nallow_anonymous true\nstrict_subscribe true\n\
         listener 1883\nlistener_allow_anonymous false\nlistener_auto_id_prefix one-\n\
         accept_protocol_versions 4,  5\nmax_qos 1\nmax_topic_alias 0\nmax_topic_alias_broker 65535\n\
         mount_point cellar/\nuse_username_as_clientid true\n\
         listener 9100 127.0.0.1\nprotocol metrics\n",
    );
    let [one, two] = &config.listeners[..] else {
        unreachable!("{:?}", config.listeners)
    };
    assert!(!one.security.allow_anonymous && two.security.allow_anonymous);
    let prefixes = |listener: &Listener| listener.security.auto_id_prefix.clone();
    assert_eq!(
        (prefixes(one), prefixes(two)),
        ("one-".to_owned(), "all-".to_owned())
    );
    assert_eq!(two.security.client_id_prefix.as_deref(), Some("home-"));
    assert!(one.security.strict_subscribe);
    assert_eq!(
        [3, 4, 5, 6].map(|level| one.versions.allows(level)),
        [false, true, true, false]
    );
    assert_eq!(
        [3, 4, 5, 0].map(|level| two.versions.allows(level)),
        [true, true, true, false]
    );
    assert_eq!((one.max_qos, two.max_qos), (1, 2));
    assert_eq!(
        (one.max_topic_alias, one.max_topic_alias_broker),
        (0, 65_535)
    );
    assert_eq!((two.max_topic_alias, two.max_topic_alias_broker), (10, 10));
    assert_eq!(
        (one.mount_point.as_deref(), &two.mount_point),
        (Some("cellar/"), &None)
    );
    assert!(one.username_as_client_id && !two.username_as_client_id);
    assert_eq!(
        (one.protocol, two.protocol),
        (Protocol::Mqtt, Protocol::Metrics)
    );
}

#[test]
fn settings_of_the_whole_broker_become_types() {
    let config = parse(
        "global_max_clients 5\nglobal_max_connections -1\nmemory_limit 5000000000\nretain_expiry_interval 2\n\
         check_retain_source false\nuser nobody\nreload_on_change true\ncertificate_warning_days 0\n\
         login_failures_max 3\nlogin_failures_window 60\n",
    );
    let limits = &config.limits;
    assert_eq!(
        (limits.global_max_clients, limits.global_max_connections),
        (Some(5), None)
    );
    assert_eq!(limits.memory_limit, Some(5_000_000_000));
    assert_eq!(
        limits.retain_expiry_interval,
        Some(Duration::from_secs(120))
    );
    assert!(!limits.check_retain_source);
    let service = &config.service;
    assert_eq!(
        (service.user.as_deref(), service.certificate_warning_days),
        (Some("nobody"), 0)
    );
    assert!(service.reload_on_change);
    let throttle = config.login_throttle.unwrap();
    assert_eq!(
        (throttle.max_failures.get(), throttle.window.as_secs()),
        (3, 60)
    );
    let throttle = Config::local().login_throttle.unwrap();
    assert_eq!(
        (throttle.max_failures.get(), throttle.window.as_secs()),
        (10, 300)
    );
    for text in ["login_failures_max 0\n", "login_failures_window 0\n"] {
        assert_eq!(parse(text).login_throttle, None);
    }
}

#[test]
fn settings_of_tls_become_types() {
    let config = parse(
        "listener 8883\ncertfile /c\nkeyfile /k\ncapath /etc/ssl/certs\nrequire_certificate true\n\
         ciphers A:B\nciphers_tls1.3 C\n",
    );
    let tls = config.listeners[0].tls.as_ref().unwrap();
    assert_eq!(
        (tls.capath.as_deref(), &tls.cafile),
        (Some(Path::new("/etc/ssl/certs")), &None)
    );
    assert_eq!(tls.client_certificates, ClientCertificates::Required);
    assert_eq!(
        (tls.ciphers.as_deref(), tls.ciphers_tls13.as_deref()),
        (Some("A:B"), Some("C"))
    );
}
