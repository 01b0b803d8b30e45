//! The normative statements of MQTT 3.1.1 and 5.0, one behaviour a test, grouped as the standards group them.
//!
//! What both standards ask for is tested in both. [`table`] holds which statement is tested where.
#![expect(clippy::panic, reason = "in a test a panic is the report")]

mod connack;
mod connect;
mod delivery;
mod disconnect;
mod packets;
mod publish;
mod session;
mod strings;
mod subscribe;
mod table;
mod topics;
mod unsubscribe;
mod v5;
mod will;

use crate::wire::{Client, Connect, Target, Version, connect, property, property_id};

/// The versions that are OASIS standards.
const VERSIONS: [Version; 2] = [Version::V311, Version::V5];

/// Runs a test in each version, with a broker of its own each time.
fn in_each_version(test: impl Fn(&Target, Version)) {
    for version in VERSIONS {
        test(&Target::plain(), version);
    }
}

/// A CONNECT whose session outlives the connection; what was there before is resumed.
fn lasting(version: Version, id: &str) -> Connect {
    let connect = connect(version, id).resume();
    match version {
        Version::V5 => connect.with(property(property_id::SESSION_EXPIRY, 3600)),
        Version::V31 | Version::V311 => connect,
    }
}

/// Sends something instead of a CONNECT, or a CONNECT that must not be accepted.
///
/// Returns the code of the CONNACK, if there is one before the connection is closed.
#[track_caller]
fn refusal(broker: &Target, version: Version, bytes: &[u8]) -> Option<u8> {
    let mut client = Client::open(broker, version);
    client.send(bytes);
    let answer = client.next()?;
    let told = answer.to_string();
    assert!(
        told.starts_with("CONNACK s0") && answer.code() != 0,
        "{told}"
    );
    client.expect_closed();
    Some(answer.code())
}

/// Sends a CONNECT that is malformed: version 3.1.1 has no answer for it, version 5 may have one.
#[track_caller]
fn expect_malformed(broker: &Target, version: Version, bytes: &[u8]) {
    let code = refusal(broker, version, bytes);
    let right = match version {
        Version::V5 => matches!(code, None | Some(0x81 | 0x82)),
        Version::V31 | Version::V311 => code.is_none(),
    };
    assert!(
        right,
        "{version:?} is answered with {code:02x?}: {bytes:02x?}"
    );
}

/// Sends bytes after a CONNECT that break a rule: they end the connection, with this code in version 5.
#[track_caller]
fn expect_end(broker: &Target, version: Version, bytes: &[u8], code: u8) {
    let mut client = Client::join(broker, version, "offender");
    client.send(bytes);
    client.expect_disconnected(code);
}
