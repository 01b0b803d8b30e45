//! What stands above the first `listener` line: which of it opens a listener that no line begins, as in Mosquitto.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use broker::config::{Config, Endpoint};

use crate::support::{free_port, program, run, write};

/// Lines, and whether they open a listener on port 1883 besides the one below them.
const LINES: [(&str, bool); 38] = [
    ("port 1883", true),
    ("bind_address 127.0.0.1", true),
    ("bind_interface lo", true),
    ("socket_domain ipv4", true),
    ("max_connections 5", true),
    ("max_connections 0", true),
    ("max_connections -1", false),
    ("max_qos 0", true),
    ("max_qos 1", true),
    ("max_qos 2", false),
    ("maximum_qos 1", true),
    ("max_topic_alias 5", false),
    ("protocol mqtt", false),
    ("use_username_as_clientid true", true),
    ("use_username_as_clientid false", false),
    ("certfile @/c.pem\nkeyfile @/k.pem", true),
    ("cafile @/c.pem", true),
    ("capath @", true),
    ("crlfile @/c.pem", true),
    ("ciphers HIGH", true),
    ("ciphers_tls1.3 TLS_AES_256_GCM_SHA384", true),
    ("tls_version tlsv1.2", false),
    ("require_certificate true", true),
    ("require_certificate false", false),
    ("use_identity_as_username true", true),
    ("use_identity_as_username false", false),
    ("use_subject_as_username true", true),
    ("use_subject_as_username false", false),
    (
        "allow_anonymous true\nacl_file @/acl\npassword_file @/pw",
        false,
    ),
    ("allow_zero_length_clientid false\nauto_id_prefix x-", false),
    ("per_listener_settings true\nallow_anonymous true", false),
    ("per_listener_settings true\nallow_anonymous false", false),
    ("per_listener_settings true\npassword_file @/pw", true),
    ("per_listener_settings true\nacl_file @/acl", false),
    ("per_listener_settings true\nauto_id_prefix x-", false),
    (
        "per_listener_settings true\nallow_zero_length_clientid false",
        true,
    ),
    (
        "per_listener_settings true\nallow_zero_length_clientid true",
        false,
    ),
    ("retry_interval 20", false),
];

/// Whether a real Mosquitto sets about opening port 1883, which may be taken.
fn mosquitto_opens(folder: &Path, text: &str) -> bool {
    let path = folder.join("theirs.conf");
    write(&path, format!("user root\nlog_dest stderr\n{text}"));
    let mut child = program("mosquitto")
        .arg("-c")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        said.push_str(&line.unwrap());
        said.push('\n');
        if said.ends_with(" running\n") {
            break;
        }
    }
    let _ = child.kill();
    child.wait().unwrap();
    assert!(said.contains("Opening"), "{text}: {said}");
    said.contains("listen socket on port 1883.")
}

/// Whether we would. A listener for which a TLS option lacks another is one too: it is refused.
fn we_open(text: &str) -> bool {
    match Config::parse("f", text) {
        Ok(config) => config.listeners.len() > 1,
        Err(error) => {
            assert!(error.to_string().contains(" needs "), "{text}: {error}");
            true
        }
    }
}

#[test]
fn a_listener_that_no_line_begins_opens_where_mosquitto_opens_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    assert!(
        run("mosquitto_passwd", &["-b", "-c", &path("pw"), "fred", "x"])
            .status
            .success()
    );
    write(path("acl"), "user fred\ntopic #\n");
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    write(path("c.pem"), params.self_signed(&key).unwrap().pem());
    write(path("k.pem"), key.serialize_pem());
    for (above, opens) in LINES {
        let above = above.replace('@', folder.path().to_str().unwrap());
        let text = format!("{above}\nlistener {} 127.0.0.1\n", free_port());
        assert_eq!(
            mosquitto_opens(folder.path(), &text),
            opens,
            "Mosquitto: {text}"
        );
        assert_eq!(we_open(&text), opens, "{text}");
    }
}

#[test]
fn what_opens_none_is_warned_of_and_holds_for_nobody() {
    let config = Config::parse(
        "f",
        "per_listener_settings true\nallow_anonymous true\nacl_file /acl\nmax_topic_alias 5\ntls_version tlsv1.3\n\
         require_certificate false\nstrict_subscribe true\nlistener_allow_anonymous true\nlistener 1884 127.0.0.1\n\
         allow_anonymous false\n",
    )
    .unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r"
    f:2: allow_anonymous stands above every listener and has no effect: move it below a `listener` line
    f:3: acl_file stands above every listener and has no effect: move it below a `listener` line
    f:4: max_topic_alias stands above every listener and has no effect: move it below a `listener` line
    f:5: tls_version stands above every listener and has no effect: move it below a `listener` line
    f:6: require_certificate stands above every listener and has no effect: move it below a `listener` line
    f:7: strict_subscribe stands above every listener and has no effect: move it below a `listener` line
    f:8: listener_allow_anonymous stands above every listener and has no effect: move it below a `listener` line
    ");
    let [only] = &config.listeners[..] else {
        unreachable!("{:?}", config.listeners)
    };
    assert!(!only.security.allow_anonymous && only.security.acl_file.is_none());
    assert_eq!(only.max_topic_alias, 10);
}

#[test]
fn what_is_above_holds_for_the_default_listener_where_there_is_one() {
    let config = Config::parse("f", "max_topic_alias 5\nport 1884\nlistener 1885\n").unwrap();
    assert_eq!(config.warnings, []);
    let aliases = config
        .listeners
        .iter()
        .map(|listener| listener.max_topic_alias);
    assert_eq!(aliases.collect::<Vec<_>>(), [5, 10]);
    // Also where it is the only one, for this machine: and nobody gets in who should not.
    let text = "per_listener_settings true\nallow_anonymous false\nmax_topic_alias 5\n";
    let config = Config::parse("f", text).unwrap();
    assert_eq!(config.warnings, []);
    assert!(config.local_only);
    let only = &config.listeners[0];
    assert!(matches!(only.endpoint, Endpoint::Loopback { port: 1883 }));
    assert!(!only.security.allow_anonymous);
    assert_eq!(only.max_topic_alias, 5);
}

#[test]
fn a_mount_point_above_every_listener_is_an_error_as_in_mosquitto() {
    let folder = tempfile::tempdir().unwrap();
    let text = "mount_point a/\nlistener @PORT@ 127.0.0.1\n";
    let Err(theirs) = crate::support::Mosquitto::start(folder.path(), text) else {
        unreachable!("Mosquitto takes it")
    };
    assert!(
        theirs.contains("before using the mount_point option"),
        "{theirs}"
    );
    let ours = Config::parse("f", &text.replace("@PORT@", "1")).unwrap_err();
    assert_eq!(
        ours.to_string(),
        "f:1: mount_point stands below a `listener` line, and there is none above it"
    );
}

#[test]
fn a_port_of_the_command_line_is_closed_where_each_listener_has_its_own_security() {
    let added = |text: &str| {
        let mut config = Config::parse("f", text).unwrap();
        config.add_ports(&[1885]);
        config.listeners.pop().unwrap().security
    };
    let open = "listener 1884 127.0.0.1\nallow_anonymous true\nauto_id_prefix x-\nacl_file /a\n";
    let security = added(&format!("per_listener_settings true\n{open}"));
    assert!(!security.allow_anonymous && security.acl_file.is_none());
    assert_eq!(security.auto_id_prefix, "auto-");
    // What holds for all holds for it too, but not what one listener has for itself.
    let security = added(open);
    assert!(security.allow_anonymous && security.acl_file.is_some());
    let own = "listener 1884 127.0.0.1\nlistener_allow_anonymous true\n";
    assert!(!added(own).allow_anonymous);
    assert!(added("").allow_anonymous);
    assert!(!added("allow_anonymous false\n").allow_anonymous);
}
