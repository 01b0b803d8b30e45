//! OpenSSL as an MQTT client that speaks no MQTT by itself.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use super::Broker;
use crate::support::program;

/// A CONNECT of version 3.1.1 with the client identifier `c`, and a DISCONNECT: the broker ends the connection.
const HELLO: &[u8] = b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c\xE0\x00";

/// What the broker answers if it lets the client in.
const WELCOME: &[u8] = b"\x20\x02\x00\x00";

/// What OpenSSL saw.
#[derive(Debug)]
pub(crate) struct Visit {
    /// Whether the broker let it in.
    pub(crate) welcome: bool,
    /// All that it said of the connection.
    pub(crate) told: String,
}

/// A connection whose TLS handshake is done and that has said nothing yet.
pub(crate) struct Held(Child);

/// Connects to the broker with `openssl s_client`; at most half a minute.
///
/// `client` is the name of a certificate and its key in the broker's folder.
pub(crate) fn visit(broker: &Broker, client: Option<&str>, more: &[&str]) -> Visit {
    Held(start(broker, client, more)).say_hello()
}

/// The same, but waits after the handshake.
pub(crate) fn hold(broker: &Broker, client: Option<&str>, more: &[&str]) -> Held {
    let mut child = start(broker, client, more);
    let stdout = child.stdout.as_mut().unwrap();
    let mut told = String::new();
    // One byte at a time: what comes after is for somebody else to read.
    let mut bytes = BufReader::with_capacity(1, stdout);
    while !told.contains("SSL handshake has read") {
        assert_ne!(bytes.read_line(&mut told).unwrap(), 0, "{told}");
    }
    Held(child)
}

fn start(broker: &Broker, client: Option<&str>, more: &[&str]) -> Child {
    let path = |file: &str| broker.folder().join(file).to_str().unwrap().to_owned();
    let mut command = program("timeout");
    command
        .args(["30", "openssl", "s_client", "-ign_eof", "-connect"])
        .arg(format!("127.0.0.1:{}", broker.port()))
        .args(more);
    if let Some(name) = client {
        command
            .args(["-cert", &path(&format!("{name}.crt"))])
            .args(["-key", &path(&format!("{name}.key"))]);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

impl Held {
    /// Says hello and goodbye, and waits for the end.
    pub(crate) fn say_hello(mut self) -> Visit {
        // It may be gone before it has read anything.
        let _ = self.0.stdin.take().unwrap().write_all(HELLO);
        let output = self.0.wait_with_output().unwrap();
        Visit {
            welcome: output
                .stdout
                .windows(WELCOME.len())
                .any(|bytes| bytes == WELCOME),
            told: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        }
    }
}

impl Visit {
    /// What the client sees, in short: the version and suite that it got in by, or the alert that it got.
    pub(crate) fn outcome(&self) -> String {
        let after = |mark: &str| {
            let rest = &self.told[self.told.find(mark)? + mark.len()..];
            Some(rest.lines().next().unwrap_or("").trim())
        };
        if self.welcome {
            // "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384"
            let parameters = after("\nNew, ").or_else(|| after("\nReused, "));
            return parameters.unwrap_or("nothing").replace(", Cipher is", "");
        }
        match after("SSL alert number ") {
            Some(number) => format!("alert {number} {}", alert(number)),
            None if self.told.contains("no protocols available") => {
                "OpenSSL has no such version".to_owned()
            }
            None => "the end, without an alert".to_owned(),
        }
    }
}

/// The names of RFC 8446, section 6.
fn alert(number: &str) -> &'static str {
    match number {
        "40" => "handshake_failure",
        "42" => "bad_certificate",
        "43" => "unsupported_certificate",
        "44" => "certificate_revoked",
        "45" => "certificate_expired",
        "46" => "certificate_unknown",
        "47" => "illegal_parameter",
        "48" => "unknown_ca",
        "51" => "decrypt_error",
        "70" => "protocol_version",
        "71" => "insufficient_security",
        "80" => "internal_error",
        "116" => "certificate_required",
        "120" => "no_application_protocol",
        _ => "of another kind",
    }
}
