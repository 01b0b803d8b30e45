//! Certificates that are revoked, and authorities that come and go, while clients are connected.

use crate::harness::{Broker, Certificates, Subscriber, hold, publish, visit};
use crate::support::write;

const CERTIFIED: &str = "certfile {folder}/server.crt\nkeyfile {folder}/server.key\ncafile {folder}/ca.crt\n\
    crlfile {folder}/crl.pem\nrequire_certificate true\nuse_identity_as_username true";

fn files(broker: &Broker, name: &str) -> Vec<String> {
    let path = |file: &str| broker.folder().join(file).to_str().unwrap().to_owned();
    let (crt, key) = (path(&format!("{name}.crt")), path(&format!("{name}.key")));
    [
        "--cafile",
        &path("server-ca.crt"),
        "--cert",
        &crt,
        "--key",
        &key,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn says(broker: &Broker, name: &str) -> bool {
    let mut arguments = files(broker, name);
    arguments.extend(["-t", "t", "-q", "1", "-m", name].map(str::to_owned));
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    publish(broker, &arguments).status.success()
}

#[test]
fn who_is_revoked_is_ended_and_refused_and_a_new_authority_is_taken() {
    // Of two lists by authorities of the same name only the first is looked at.
    let guests = Certificates::new_with(|params| {
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "guests' authority");
    });
    let home = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    home.write_authority(at, "ca");
    home.write_authority(at, "server-ca");
    home.write_server(at, "server");
    for (serial, name) in [(1, "fred"), (2, "jane")] {
        home.write_client_with(at, name, |params| {
            params.serial_number = Some(serial.into());
        });
    }
    guests.write_client(at, "guest");
    home.write_revocations(at, "crl", &[]);
    let broker = Broker::start_in(folder, CERTIFIED);
    let start = |name: &str| {
        let mut arguments = files(&broker, name);
        arguments.extend(["-i", name, "-t", "t", "-q", "1"].map(str::to_owned));
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        Subscriber::start(&broker, &arguments)
    };
    let (fred, jane) = (start("fred"), start("jane"));
    assert!(says(&broker, "fred") && !says(&broker, "guest"));
    assert_eq!(
        (fred.message(), jane.message()),
        ("t 0 1 fred".to_owned(), "t 0 1 fred".to_owned())
    );

    home.write_revocations(broker.folder(), "crl", &[1]);
    broker.reload();
    broker.wait_for("disconnected after a reload: its certificate was revoked.");
    // It tries again by itself, with its ticket and without.
    broker.wait_for("its certificate was revoked, says crlfile");
    assert!(!says(&broker, "fred") && says(&broker, "jane"));
    assert_eq!(jane.message(), "t 0 1 jane");

    write(
        broker.folder().join("ca.crt"),
        format!("{}{}", home.pem(), guests.pem()),
    );
    guests.write_revocations(broker.folder(), "guests", &[]);
    let lists = ["crl.pem", "guests.pem"]
        .map(|name| std::fs::read_to_string(broker.folder().join(name)).unwrap());
    write(broker.folder().join("crl.pem"), lists.concat());
    broker.reload();
    assert!(says(&broker, "guest"));
    assert_eq!(jane.message(), "t 0 1 guest");

    // An authority that is not trusted any more takes everybody with it whom it vouched for.
    write(broker.folder().join("ca.crt"), guests.pem());
    broker.reload();
    broker.wait_for("its certificate is from no authority that is trusted now.");
    assert!(says(&broker, "guest") && !says(&broker, "jane"));
    drop((fred, jane));
}

#[test]
fn a_ticket_from_before_a_revocation_lets_nobody_in() {
    let home = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    home.write_authority(at, "ca");
    home.write_server(at, "server");
    home.write_client_with(at, "fred", |params| params.serial_number = Some(1.into()));
    home.write_revocations(at, "crl", &[]);
    let broker = Broker::start_in(folder, CERTIFIED);
    let session = broker.folder().join("session");
    let session = session.to_str().unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        home.write_revocations(broker.folder(), "crl", &[]);
        broker.reload();
        let (keep, use_it) = (
            [version, "-sess_out", session],
            [version, "-sess_in", session],
        );
        let visit = |more| visit(&broker, Some("fred"), more);
        assert!(visit(&keep).welcome);
        let again = visit(&use_it);
        assert!(again.told.contains("\nReused, "), "{version}: {again:?}");
        home.write_revocations(broker.folder(), "crl", &[1]);
        broker.reload();
        let after = visit(&use_it);
        assert!(!after.welcome, "{version}: {after:?}");
        assert_eq!(after.outcome(), "alert 44 certificate_revoked");
    }
}

#[test]
fn who_is_revoked_between_handshake_and_connect_is_not_served() {
    let home = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    home.write_authority(at, "ca");
    home.write_server(at, "server");
    home.write_client_with(at, "fred", |params| {
        params.serial_number = Some(1.into());
    });
    home.write_revocations(at, "crl", &[]);
    let broker = Broker::start_in(folder, CERTIFIED);
    let fred = hold(&broker, Some("fred"), &["-tls1_3"]);
    home.write_revocations(broker.folder(), "crl", &[1]);
    broker.reload();
    fred.say_hello();
    broker.wait_for("disconnected, not authorised: its certificate was revoked.");
    assert!(
        !broker.log().contains("New client connected"),
        "{}",
        broker.log()
    );
}
