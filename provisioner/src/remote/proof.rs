//! The proof that a broker works: a TLS login with the site's authority, a message out, the same
//! message back.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use mqttrs::{Connect, Packet, Pid, Protocol, Publish, QosPid, Subscribe, SubscribeTopic};
use ssh2::Session;

use super::connection::Connection;
use crate::secret::Secret;
use crate::site::probe;
use crate::tls_client::TlsClient;

/// How long an answer may take: checking a password costs a Pi Zero a moment.
const PATIENCE: Duration = Duration::from_secs(20);

/// The largest packet of the broker's that makes sense here, in bytes.
const LARGEST: usize = 1024;

/// What to prove.
#[derive(Debug)]
pub struct Proof<'a> {
    /// The site's authority, PEM.
    pub authority: &'a str,
    /// The port of the TLS listener.
    pub port: u16,
    /// The probe's password.
    pub password: &'a Secret,
}

/// How a broker was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// As every client reaches it.
    Direct,
    /// Through the SSH connection; why not directly is said.
    ThroughSsh(String),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "over TLS",
            Self::ThroughSsh(_) => "over TLS through SSH",
        })
    }
}

/// Proves the broker on the machine at the other end of `connection`: from here, as a phone would
/// connect, or else through the SSH connection, since a firewall may be in the way.
///
/// # Errors
///
/// Neither way works. The error is that of the way through SSH, which has no firewall in it.
pub fn prove(connection: &Connection, proof: &Proof<'_>) -> anyhow::Result<Way> {
    let name = connection.destination.host.to_string();
    let client = TlsClient::trusting(proof.authority)?;
    let direct = directly(&client, &name, proof);
    let Err(error) = direct else {
        return Ok(Way::Direct);
    };
    // A channel has no time limit of its own.
    let proved = connection.within(PATIENCE, |session| {
        through_ssh(session, &client, &name, proof)
    });
    proved.with_context(|| {
        format!("from here: {error:#}; through SSH, where no firewall is in the way")
    })?;
    Ok(Way::ThroughSsh(format!("{error:#}")))
}

/// Proves the broker at `name`, as a phone would connect.
pub fn prove_at(name: &str, proof: &Proof<'_>) -> anyhow::Result<()> {
    directly(&TlsClient::trusting(proof.authority)?, name, proof)
}

fn directly(client: &TlsClient, name: &str, proof: &Proof<'_>) -> anyhow::Result<()> {
    let stream = dial(name, proof.port)?;
    let mut stream = client.handshake(name, stream, PATIENCE)?;
    echo(&mut stream, proof.password)
}

fn through_ssh(
    session: &Session,
    client: &TlsClient,
    name: &str,
    proof: &Proof<'_>,
) -> anyhow::Result<()> {
    let channel = session
        .channel_direct_tcpip("127.0.0.1", proof.port, None)
        .context("reaching the broker")?;
    let mut stream = client
        .handshake(name, channel, PATIENCE)
        .context("greeting the broker")?;
    echo(&mut stream, proof.password)
}

fn dial(name: &str, port: u16) -> anyhow::Result<TcpStream> {
    let addresses = (name, port)
        .to_socket_addrs()
        .context("looking up the name")?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
            Ok(stream) => {
                stream
                    .set_read_timeout(Some(PATIENCE))
                    .context("setting a time limit")?;
                stream
                    .set_write_timeout(Some(PATIENCE))
                    .context("setting a time limit")?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last).with_context(|| format!("connecting to {name} port {port}"))
}

/// Logs in as the probe, subscribes, publishes, and waits for what was published.
fn echo(stream: &mut (impl Read + Write), password: &Secret) -> anyhow::Result<()> {
    let nonce = getrandom::u64().context("asking for random bytes")?;
    let nonce = format!("{nonce:016x}");
    let topic = format!("{}/{nonce}", probe::NAME);
    log_in(stream, &format!("provision-{nonce}"), password)?;
    subscribe(stream, &topic)?;
    let publish = Publish {
        dup: false,
        qospid: QosPid::AtLeastOnce(pid(2)?),
        retain: false,
        topic_name: &topic,
        payload: nonce.as_bytes(),
    };
    send(stream, &Packet::Publish(publish))?;
    let (mut acknowledged, mut echoed) = (false, false);
    while !(acknowledged && echoed) {
        match receive(stream).context("waiting for the message to come back")? {
            (PUBACK, _) => acknowledged = true,
            (PUBLISH, body) => echoed = body.ends_with(nonce.as_bytes()),
            (kind, _) => bail!("the broker sends packet type {kind} out of turn"),
        }
    }
    send(stream, &Packet::Disconnect)
}

fn log_in(
    stream: &mut (impl Read + Write),
    client_id: &str,
    password: &Secret,
) -> anyhow::Result<()> {
    let connect = Connect {
        protocol: Protocol::MQTT311,
        keep_alive: 30,
        client_id,
        clean_session: true,
        last_will: None,
        username: Some(probe::NAME),
        password: Some(password.expose().as_bytes()),
    };
    send(stream, &Packet::Connect(connect))?;
    match receive(stream).context("waiting for CONNACK")? {
        (CONNACK, body) if body.get(1) == Some(&0) => Ok(()),
        // [MQTT-3.2.2-4]: bad user name or password, not authorized.
        (CONNACK, body) if matches!(body.get(1), Some(4 | 5)) => {
            bail!("the broker does not let the probe in: it has another password file")
        }
        (CONNACK, body) => bail!("the broker refuses the connection: CONNACK {body:02x?}"),
        (kind, _) => bail!("the broker answers CONNECT with packet type {kind}"),
    }
}

fn subscribe(stream: &mut (impl Read + Write), topic: &str) -> anyhow::Result<()> {
    let topics = vec![SubscribeTopic {
        topic_path: topic.to_owned(),
        qos: mqttrs::QoS::AtLeastOnce,
    }];
    let subscribe = Subscribe {
        pid: pid(1)?,
        topics,
    };
    send(stream, &Packet::Subscribe(subscribe))?;
    let (kind, body) = receive(stream).context("waiting for SUBACK")?;
    ensure!(
        kind == SUBACK && body.get(2).is_some_and(|code| *code <= 2),
        "the broker does not take the probe's subscription (packet type {kind})"
    );
    Ok(())
}

fn pid(number: u16) -> anyhow::Result<Pid> {
    Pid::try_from(number).or(Err(anyhow::anyhow!(
        "packet identifier {number} is not possible"
    )))
}

fn send(stream: &mut impl Write, packet: &Packet<'_>) -> anyhow::Result<()> {
    let mut bytes = zeroize::Zeroizing::new([0; LARGEST]);
    let length = mqttrs::encode_slice(packet, bytes.as_mut())
        .map_err(|error| anyhow::anyhow!("encoding an MQTT packet: {error:?}"))?;
    stream
        .write_all(&bytes[..length])
        .and_then(|()| stream.flush())
        .context("sending to the broker")
}

/// One packet: its type and what follows the fixed header. Framed and taken apart here, since mqttrs is
/// not to be trusted with what comes from a network.
fn receive(stream: &mut impl Read) -> anyhow::Result<(u8, Vec<u8>)> {
    let mut byte = || {
        let mut one = [0];
        stream.read_exact(&mut one).map(|()| one[0])
    };
    let first = byte()?;
    // The remaining length, seven bits a byte, four bytes at most (MQTT 3.1.1 section 2.2.3).
    let mut length = 0;
    for index in 0..4 {
        let digit = byte()?;
        length |= usize::from(digit & 0x7f) << (7 * index);
        if digit & 0x80 == 0 {
            break;
        }
        ensure!(index < 3, "the length of a packet has more than four bytes");
    }
    ensure!(
        length <= LARGEST,
        "the broker sends a packet of {length} bytes out of turn"
    );
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((first >> 4, body))
}

// Packet types (MQTT 3.1.1 section 2.2.1).
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const SUBACK: u8 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_taken_out_of_what_follows_it_and_a_bad_one_is_refused() {
        let mut bytes: &[u8] = &[0x20, 2, 0, 0, 0x90];
        assert_eq!(receive(&mut bytes).unwrap(), (CONNACK, vec![0, 0]));
        assert_eq!(bytes, [0x90]);
        for bad in [
            &[0x40_u8, 0x80, 0x80, 0x80, 0x80, 0][..],
            &[0x30, 0xff, 0x7f],
            &[0x20, 2, 0],
            &[],
        ] {
            assert!(receive(&mut &*bad).is_err(), "{bad:02x?}");
        }
    }
}
