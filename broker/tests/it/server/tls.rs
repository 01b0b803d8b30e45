//! Listeners with TLS, and what must not get through them.

use std::process::Output;

use crate::harness::{Broker, Certificates, publish};

const TLS: &str = "allow_anonymous true\ncertfile {folder}/server.crt\nkeyfile {folder}/server.key";

fn home(authority: &Certificates) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    authority.write_authority(folder.path(), "ca");
    authority.write_server(folder.path(), "server");
    folder
}

/// Publishes over TLS, with these files from the broker's folder: the authority, and a client's certificate.
fn publish_over_tls(broker: &Broker, authority: &str, client: Option<&str>) -> Output {
    let path = |name: &str| broker.folder().join(name).to_str().unwrap().to_owned();
    let mut arguments = vec!["--cafile".to_owned(), path(&format!("{authority}.crt"))];
    if let Some(client) = client {
        arguments.extend(["--cert".to_owned(), path(&format!("{client}.crt"))]);
        arguments.extend(["--key".to_owned(), path(&format!("{client}.key"))]);
    }
    arguments.extend(["-i", "c", "-t", "t", "-q", "1", "-m", "x"].map(str::to_owned));
    publish(
        broker,
        &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

#[test]
fn who_trusts_the_authority_gets_through_and_nobody_else_does() {
    let authority = Certificates::new();
    let broker = Broker::start_in(home(&authority), TLS);
    Certificates::new().write_authority(broker.folder(), "other");
    assert!(publish_over_tls(&broker, "ca", None).status.success());
    assert!(!publish_over_tls(&broker, "other", None).status.success());
    broker.wait_for("TLS handshake failed: ");
    let plain = publish(&broker, &["-t", "t", "-q", "1", "-m", "x"]);
    assert!(!plain.status.success());
    broker.wait_for("TLS handshake failed: it does not speak TLS, which this port requires.");
    assert!(publish_over_tls(&broker, "ca", None).status.success());
}

#[test]
fn a_certificate_can_be_required_and_be_the_identity() {
    let authority = Certificates::new();
    let folder = home(&authority);
    authority.write_client(folder.path(), "fred");
    let other = Certificates::new();
    other.write_client(folder.path(), "mallory");
    let config = format!(
        "{TLS}\ncafile {{folder}}/ca.crt\nrequire_certificate true\nuse_identity_as_username true"
    );
    let broker = Broker::start_in(folder, &config);
    assert!(
        publish_over_tls(&broker, "ca", Some("fred"))
            .status
            .success()
    );
    broker.wait_for("as c (p4, c1, k60, u'fred').");
    assert!(!publish_over_tls(&broker, "ca", None).status.success());
    assert!(
        !publish_over_tls(&broker, "ca", Some("mallory"))
            .status
            .success()
    );
    assert_eq!(broker.log().matches("New client connected").count(), 1);
}

#[test]
fn a_new_certificate_is_served_after_a_reload_and_an_unusable_one_never() {
    let first = Certificates::new();
    let broker = Broker::start_in(home(&first), TLS);
    let second = Certificates::new();
    second.write_authority(broker.folder(), "ca2");
    assert!(!publish_over_tls(&broker, "ca2", None).status.success());
    second.write_server(broker.folder(), "server");
    broker.signal("HUP");
    let start = std::time::Instant::now();
    while !publish_over_tls(&broker, "ca2", None).status.success() {
        assert!(
            start.elapsed() < crate::harness::PATIENCE,
            "{}",
            broker.log()
        );
    }
    crate::support::write(broker.folder().join("server.crt"), "no certificate");
    broker.signal("HUP");
    broker.wait_for("what was running goes on unchanged.");
    assert!(publish_over_tls(&broker, "ca2", None).status.success());
}
