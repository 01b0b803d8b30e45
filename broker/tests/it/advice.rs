//! What `--test-config` says of what is wrong, all of it, and of what is legal but unwise.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

use crate::harness::{Certificates, config_file, run_to_end};
use crate::support::{run, write};

/// What is said of a configuration in `folder`, which has the port 1883 in it.
fn said(folder: &Path, config: &str) -> String {
    let path = config_file(folder, "broker.conf", config, 1883);
    let ended = run_to_end(&["-c", path.to_str().unwrap(), "--test-config"]);
    let text = format!("exit: {:?}\n{}{}", ended.code, ended.stdout, ended.stderr);
    text.replace(folder.to_str().unwrap(), "[DIR]")
}

fn mode(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A certificate that is valid from one year to another, and its key.
fn certificate(folder: &Path, name: &str, from: i32, to: i32) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    write(folder.join(format!("{name}.crt")), made.pem());
    let path = folder.join(format!("{name}.key"));
    write(&path, key.serialize_pem());
    mode(&path, 0o600);
}

#[test]
fn listeners_that_the_network_can_reach_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Certificates::new();
    authority.write_authority(folder.path(), "ca");
    authority.write_server(folder.path(), "server");
    mode(&folder.path().join("server.key"), 0o600);
    let text = said(
        folder.path(),
        "certificate_warning_days 0\nallow_anonymous true\nlistener 1883\nlistener 1884 127.0.0.1\nlistener 1885 ::1\n\
         listener 1886 localhost\nlistener 1887\nbind_interface lo\nlistener 0 {folder}/socket\n\
         listener 1888 192.0.2.1\nlistener_allow_anonymous false\n\
         listener 8883\ncertfile {folder}/server.crt\nkeyfile {folder}/server.key\n\
         listener 8884\ncertfile {folder}/server.crt\nkeyfile {folder}/server.key\ncafile {folder}/ca.crt\n\
         require_certificate true\nlistener 9100\nprotocol metrics\nlistener 9101 127.0.0.1\nprotocol metrics\n",
    );
    insta::assert_snapshot!(text, @r"
    exit: Some(0)
    Configuration is valid.
    Warning: [DIR]/broker.conf:3: this listener is open to the network without TLS: passwords and messages travel in clear text; add certfile and keyfile, or bind it to this machine, as in `listener 1883 127.0.0.1`
    Warning: [DIR]/broker.conf:3: this listener is open to the network, and everybody gets in without a password: set allow_anonymous false, or for this listener alone listener_allow_anonymous false
    Warning: [DIR]/broker.conf:10: nobody can log in at this listener: there is neither a password_file for it, nor allow_anonymous true, nor use_identity_as_username true
    Warning: [DIR]/broker.conf:10: this listener is open to the network without TLS: passwords and messages travel in clear text; add certfile and keyfile, or bind it to this machine, as in `listener 1883 127.0.0.1`
    Warning: [DIR]/broker.conf:12: this listener is open to the network, and everybody gets in without a password: set allow_anonymous false, or for this listener alone listener_allow_anonymous false
    Warning: [DIR]/broker.conf:20: the metrics of this listener are open to the network: bind it to this machine, as in `listener 9100 127.0.0.1`
    ");
}

#[test]
fn without_any_listener_nothing_is_open() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        said(folder.path(), ""),
        "exit: Some(0)\nConfiguration is valid.\n"
    );
}

#[test]
fn the_files_that_are_named_are_looked_at_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let passwd = path("passwd");
    let add = |arguments: &[&str]| {
        let file = passwd.to_str().unwrap();
        let arguments: Vec<_> = arguments
            .iter()
            .map(|text| text.replace("FILE", file))
            .collect();
        assert!(run("mosquitto_passwd", &arguments).status.success());
    };
    add(&["-b", "-c", "FILE", "fred", "secret"]);
    add(&["-b", "FILE", "jane", "secret"]);
    mode(&passwd, 0o644);
    write(
        path("acl"),
        "topic read news/#\nuser fred\ntopic read home/#\ntopic read home/attic\ntopic home/attic\ntopic deny home/+\n\
         pattern read to/%u\npattern read to/%u\n",
    );
    let text = said(
        folder.path(),
        "listener 1883 127.0.0.1\npassword_file {folder}/passwd\nacl_file {folder}/acl\npersistence true\n\
         clientid_prefixes home-\nlistener 1884 127.0.0.1\nuse_username_as_clientid true\nmax_queued_messages 1\n\
         max_queued_messages 2\n",
    );
    insta::assert_snapshot!(text, @r#"
    exit: Some(0)
    Configuration is valid.
    Warning: [DIR]/broker.conf:4: persistence has no place of its own: the state is kept in whatever folder the broker is started in; set persistence_location to an absolute path
    Warning: [DIR]/broker.conf:7: use_username_as_clientid replaces the client ids that clientid_prefixes looks at: use one of the two
    Warning: [DIR]/broker.conf:9: max_queued_messages is set again: what line 8 says is overridden
    Warning: [DIR]/acl:1: this line is for clients without a user name, and allow_anonymous lets none in: put a `user` line above it
    Warning: [DIR]/acl:4: this line grants nothing: line 6 denies all of it, and denials count first
    Warning: [DIR]/acl:5: this line grants nothing: line 6 denies all of it, and denials count first
    Warning: [DIR]/acl:8: this line changes nothing: line 7 says the same of all that it matches
    Warning: [DIR]/passwd: whoever gets hold of this file guesses passwords quickly, because of weak hashes of "fred" ($7$ with 101 iterations), "jane" ($7$ with 101 iterations); `mqtt-broker passwd FILE NAME` sets a password anew
    Warning: [DIR]/passwd: every user of this machine has access to this file (mode 0644), which holds secrets: `chmod o-rwx [DIR]/passwd`
    "#);
    let text = said(
        folder.path(),
        "listener 1883 127.0.0.1\npersistence true\npersistence_location {folder}/nowhere\n",
    );
    insta::assert_snapshot!(text, @r"
    exit: Some(0)
    Configuration is valid.
    Warning: [DIR]/broker.conf:1: nobody can log in at this listener: there is neither a password_file for it, nor allow_anonymous true, nor use_identity_as_username true
    Warning: persistence_location [DIR]/nowhere is not a folder now: the state can't be kept there
    ");
}

#[test]
fn certificates_that_end_soon_or_have_ended_are_named() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "old", 2020, 2021);
    certificate(folder.path(), "new", 2090, 2091);
    certificate(folder.path(), "good", 2020, 2099);
    write(folder.path().join("junk"), "no certificate\n");
    let text = said(
        folder.path(),
        "allow_anonymous true\n\
         listener 1 127.0.0.1\ncertfile {folder}/old.crt\nkeyfile {folder}/old.key\n\
         listener 2 127.0.0.1\ncertfile {folder}/new.crt\nkeyfile {folder}/new.key\n\
         listener 3 127.0.0.1\ncertfile {folder}/good.crt\nkeyfile {folder}/good.key\n",
    );
    insta::assert_snapshot!(text, @r"
    exit: Some(0)
    Configuration is valid.
    Warning: the server's certificate in [DIR]/new.crt (CN=new) is valid only from 2090-01-01 00:00:00 UTC on: is this machine's clock right?
    Warning: the server's certificate in [DIR]/old.crt (CN=old) ended on 2021-01-01 00:00:00 UTC: clients refuse it.
    ");
    // How many days are left depends on the day; that it is fewer than asked for does not.
    let soon = said(
        folder.path(),
        "certificate_warning_days 36500\nlistener 3 127.0.0.1\ncertfile {folder}/good.crt\nkeyfile {folder}/good.key\n",
    );
    assert!(
        soon.contains("the server's certificate in [DIR]/good.crt (CN=good) ends on 2099-01-01 "),
        "{soon}"
    );
    assert!(soon.contains(" UTC, in "), "{soon}");
}

#[test]
fn a_key_that_everybody_may_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "good", 2020, 2099);
    mode(&folder.path().join("good.key"), 0o644);
    let text = said(
        folder.path(),
        "listener 8883 127.0.0.1\ncertfile {folder}/good.crt\nkeyfile {folder}/good.key\n",
    );
    insta::assert_snapshot!(text, @r"
    exit: Some(0)
    Configuration is valid.
    Warning: [DIR]/broker.conf:1: nobody can log in at this listener: there is neither a password_file for it, nor allow_anonymous true, nor use_identity_as_username true
    Warning: [DIR]/good.key: every user of this machine has access to this file (mode 0644), which holds secrets: `chmod o-rwx [DIR]/good.key`
    ");
}

#[test]
fn all_errors_of_all_files_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(path("passwd"), "fred\njane:$7$x\n");
    write(path("acl"), "topic a/#/b\n");
    write(path("junk"), "no certificate\n");
    mode(&path("junk"), 0o600);
    mode(&path("passwd"), 0o600);
    let text = said(
        folder.path(),
        "max_keepalive 70000\nlistener 1883\npassword_file {folder}/passwd\nacl_file {folder}/acl\nlistner 1884\n\
         listener 8883 127.0.0.1\ncertfile {folder}/a.crt\nkeyfile {folder}/a.key\ncafile {folder}/ca.crt\n\
         listener 8884 127.0.0.1\ncertfile {folder}/junk\nkeyfile {folder}/junk\n",
    );
    insta::assert_snapshot!(text, @r#"
    exit: Some(3)
    Warning: [DIR]/broker.conf:2: this listener is open to the network without TLS: passwords and messages travel in clear text; add certfile and keyfile, or bind it to this machine, as in `listener 1883 127.0.0.1`
    Error: [DIR]/broker.conf:1: invalid max_keepalive value (70000): expected a whole number from 0 to 65535
    Error: [DIR]/broker.conf:5: unknown configuration variable "listner"; did you mean `listener`?
    Error: [DIR]/acl:1: invalid topic "a/#/b": the wildcard '#' is the last level of a filter
    Error: [DIR]/passwd:1: expected NAME:HASH, found no ':'
    Error: [DIR]/passwd:2: the password of user "jane" has 1 parts after its type, expected 3
    Error: [DIR]/broker.conf:7: certfile: cannot read [DIR]/a.crt: No such file or directory (os error 2)
    Error: [DIR]/broker.conf:8: keyfile: cannot read [DIR]/a.key: No such file or directory (os error 2)
    Error: [DIR]/broker.conf:9: cafile: cannot read [DIR]/ca.crt: No such file or directory (os error 2)
    Error: [DIR]/broker.conf:11: certfile: the listener on 127.0.0.1 port 8884 cannot encrypt: [DIR]/junk contains no certificate in PEM form
    "#);
}

#[test]
fn doors_that_open_for_nobody_or_under_any_name_and_state_that_is_not_kept_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(path("passwd"), "");
    write(path("acl"), "user fred\ntopic home/#\n");
    mode(&path("passwd"), 0o600);
    let authority = Certificates::new();
    authority.write_authority(folder.path(), "ca");
    authority.write_server(folder.path(), "server");
    let tls = "certfile {folder}/server.crt\nkeyfile {folder}/server.key\ncafile {folder}/ca.crt\n";
    let text = said(
        folder.path(),
        &format!(
            "per_listener_settings true\ncertificate_warning_days 0\npersistence_file mosquitto.db\n\
             persistence_location {{folder}}/\nlistener 1 127.0.0.1\nlistener 2 127.0.0.1\nallow_anonymous true\n\
             acl_file {{folder}}/acl\nlistener 3 127.0.0.1\npassword_file {{folder}}/passwd\nallow_anonymous true\n\
             acl_file {{folder}}/acl\nlistener 4 127.0.0.1\n{tls}use_identity_as_username true\n\
             listener 5 127.0.0.1\n{tls}require_certificate true\nlistener 6 127.0.0.1\nprotocol metrics\n"
        ),
    );
    insta::assert_snapshot!(text, @r"
    exit: Some(0)
    Configuration is valid.
    Warning: [DIR]/broker.conf:4: persistence_location alone keeps nothing: that takes `persistence true`
    Warning: [DIR]/broker.conf:5: nobody can log in at this listener: there is neither a password_file for it, nor allow_anonymous true, nor use_identity_as_username true
    Warning: [DIR]/broker.conf:6: acl_file does not keep anybody from what it grants to a name at this listener: with allow_anonymous true and without a password_file every client may claim any name
    Warning: [DIR]/broker.conf:18: nobody can log in at this listener: there is neither a password_file for it, nor allow_anonymous true, nor use_identity_as_username true
    ");
    insta::assert_snapshot!(said(folder.path(), "allow_anonymous false\n"), @r"
    exit: Some(0)
    Configuration is valid.
    Warning: [DIR]/broker.conf: nobody can log in at this listener: there is neither a password_file for it, nor allow_anonymous true, nor use_identity_as_username true
    ");
}
