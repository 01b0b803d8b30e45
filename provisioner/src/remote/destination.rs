//! `USER@HOST[:PORT]`, as people write it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::pki::AltName;

/// Where to push: a user on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Who logs in.
    pub user: String,
    /// The machine, by its address or a name.
    pub host: AltName,
    /// The port of its SSH server.
    pub port: u16,
}

/// Why a text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not USER@HOST or USER@HOST:PORT: {why}")]
pub struct DestinationError {
    text: String,
    why: String,
}

impl Destination {
    /// The port of SSH (RFC 4253 section 4.1).
    pub const SSH_PORT: u16 = 22;
}

impl FromStr for Destination {
    type Err = DestinationError;

    /// Takes `pi@192.168.1.189`, `pi@broker.local:2222` and `pi@[fe80::1]:2222`; an IPv6 address
    /// without a port needs no brackets.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |why: &str| DestinationError {
            text: text.to_owned(),
            why: why.to_owned(),
        };
        let (user, rest) = text
            .rsplit_once('@')
            .ok_or_else(|| fail("there is no user"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if user.is_empty() || user.starts_with('-') || !user.chars().all(plain) {
            return Err(fail("the user's name has a character that none has"));
        }
        let (host, port) = split_port(rest).map_err(fail)?;
        let host = host
            .parse()
            .map_err(|error: crate::pki::AltNameError| fail(&error.to_string()))?;
        Ok(Self {
            user: user.to_owned(),
            host,
            port,
        })
    }
}

fn split_port(text: &str) -> Result<(&str, u16), &'static str> {
    if text.parse::<IpAddr>().is_ok() {
        return Ok((text, Destination::SSH_PORT));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
            match rest.strip_prefix(':') {
                Some(port) => (host, port),
                None if rest.is_empty() => return Ok((host, Destination::SSH_PORT)),
                None => return Err("after the bracket comes : and a port"),
            }
        }
        None => match text.split_once(':') {
            Some(parts) => parts,
            None => return Ok((text, Destination::SSH_PORT)),
        },
    };
    match port.parse() {
        Ok(port) if port > 0 => Ok((host, port)),
        _ => Err("a port is a number from 1 to 65535"),
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", self.user)?;
        match (&self.host, self.port) {
            (host, Self::SSH_PORT) => host.fmt(f),
            (AltName::Ip(IpAddr::V6(address)), port) => write!(f, "[{address}]:{port}"),
            (host, port) => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_was_read() {
        for text in [
            "pi@192.168.1.189",
            "pi@broker.local",
            "pi@broker.local:2222",
            "root@::1",
            "pi@[fe80::1]:2222",
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.to_string(), text);
        }
        let bracketed: Destination = "pi@[::1]".parse().unwrap();
        assert_eq!(bracketed.to_string(), "pi@::1");
    }

    #[test]
    fn what_is_no_destination_is_said_so() {
        for text in [
            "broker",
            "@broker",
            "-x@broker",
            "pi@",
            "pi@a:b",
            "pi@a:0",
            "pi@a:70000",
            "pi@[::1",
            "pi@[::1]x",
            "p i@a",
            "pi@a b",
            "pi;reboot@a",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text:?} was taken");
        }
    }
}
