//! Clients that others wrote, each with everything it can do, in every version it speaks, over TCP and TLS.
//!
//! `matrix.md` is what they find, as a table. A cell says ok, or why the client can't do it.

mod matrix;
mod mosquitto;
mod programs;
mod rumqttc;

use std::thread;

use crate::harness::{Broker, Certificates};
use crate::support::free_port;

/// What a client tries, the last eight in version 5 only.
const FEATURES: [&str; 16] = [
    "connect",
    "quality of service 0",
    "quality of service 1",
    "quality of service 2",
    "retain",
    "will",
    "persistent session",
    "wildcards",
    "user properties",
    "message expiry",
    "request and response",
    "shared subscription",
    "no local",
    "subscription identifiers",
    "topic alias",
    "session expiry",
];

/// How many of them there are before version 5.
const OF_ALL_VERSIONS: usize = 8;

/// The versions, as the table has them.
const VERSIONS: [&str; 3] = ["3.1", "3.1.1", "5"];

/// Where a client is to connect, and how.
#[derive(Debug, Clone)]
struct Access {
    port: u16,
    version: &'static str,
    /// The authority's certificate, for TLS.
    ca: Option<String>,
    /// What client identifiers and topics begin with, so that no two clients meet.
    prefix: String,
}

impl Access {
    fn is_five(&self) -> bool {
        self.version == "5"
    }

    /// The features that there are in this version.
    fn features(&self) -> &'static [&'static str] {
        if self.is_five() {
            &FEATURES
        } else {
            &FEATURES[..OF_ALL_VERSIONS]
        }
    }
}

/// What came of a feature: `ok`, or anything else.
type Results = Vec<(String, String)>;

/// A client, the versions it speaks, and what tries them.
type Client = (
    &'static str,
    &'static [&'static str],
    fn(&Access) -> Results,
);

const CLIENTS: [Client; 4] = [
    ("paho-mqtt", &VERSIONS, programs::paho),
    ("mosquitto clients", &VERSIONS, mosquitto::all),
    ("MQTT.js", &VERSIONS, programs::mqtt_js),
    ("rumqttc", &["3.1.1", "5"], rumqttc::all),
];

#[test]
fn every_client_is_served_in_every_version_it_speaks() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Certificates::new();
    authority.write_authority(folder.path(), "ca");
    authority.write_server(folder.path(), "server");
    let ca = folder.path().join("ca.crt").to_str().unwrap().to_owned();
    let tls = free_port();
    let broker = Broker::start_in(
        folder,
        &format!(
            "allow_anonymous true\nlistener {tls} 127.0.0.1\n\
            certfile {{folder}}/server.crt\nkeyfile {{folder}}/server.key"
        ),
    );
    let plain = broker.port();
    let mut cells = Vec::new();
    for (name, versions, run) in CLIENTS {
        for &version in versions {
            for (transport, port, ca) in [("TCP", plain, None), ("TLS", tls, Some(ca.clone()))] {
                let prefix = format!("{}-{version}-{transport}-", name.replace(' ', ""));
                let access = Access {
                    port,
                    version,
                    ca,
                    prefix,
                };
                cells.push((
                    name,
                    version,
                    transport,
                    thread::spawn(move || run(&access)),
                ));
            }
        }
    }
    let results: Vec<_> = cells
        .into_iter()
        .map(|(name, version, transport, cell)| matrix::Column {
            client: name,
            version,
            transport,
            results: cell.join().unwrap(),
        })
        .collect();
    let found = matrix::table(&results);
    matrix::check(&found);
}
