//! Subject alternative names: a DNS name or an address, told apart.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A name that a certificate is good for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AltName {
    /// A host name: letters, digits, hyphens and dots (RFC 1123 section 2.1), lower case.
    Dns(String),
    /// An address. Phones check it against an entry of this type, never against a DNS entry.
    Ip(IpAddr),
}

/// Why a text is neither a host name nor an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither an IP address nor a host name: {rule}")]
pub struct AltNameError {
    text: String,
    rule: &'static str,
}

impl FromStr for AltName {
    type Err = AltNameError;

    /// Takes `192.168.1.189`, `::1` and `broker.example.com`, and openssl's way to write them,
    /// `IP:192.168.1.189` and `DNS:broker.example.com`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |rule| AltNameError {
            text: text.to_owned(),
            rule,
        };
        if let Some(address) = text.strip_prefix("IP:") {
            return address
                .parse()
                .map(Self::Ip)
                .or(Err(fail("what follows IP: is no address")));
        }
        let name = text.strip_prefix("DNS:").unwrap_or(text);
        if let Ok(address) = name.parse() {
            return Ok(Self::Ip(address));
        }
        let name = name.to_ascii_lowercase();
        let labels = name.strip_prefix("*.").unwrap_or(&name);
        match host_name_rule(labels) {
            Some(rule) => Err(fail(rule)),
            None => Ok(Self::Dns(name)),
        }
    }
}

impl fmt::Display for AltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// The rule of RFC 1123 that `name` breaks, if any.
fn host_name_rule(name: &str) -> Option<&'static str> {
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if name.len() > 253 {
        Some("it is longer than 253 characters")
    } else if !name.split('.').all(label_ok) {
        Some("each part between dots has 1 to 63 letters, digits and inner hyphens")
    } else if name
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        Some("it looks like an address with a part too many or too few")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_told_apart() {
        let kinds = [
            "192.168.1.189",
            "::1",
            "broker.example.com",
            "IP:127.0.0.1",
            "DNS:Foo.example.de",
        ]
        .map(|text| {
            text.parse::<AltName>()
                .map(|name| format!("{name:?}"))
                .unwrap()
        });
        insta::assert_debug_snapshot!(kinds, @r#"
        [
            "Ip(192.168.1.189)",
            "Ip(::1)",
            "Dns(\"broker.example.com\")",
            "Ip(127.0.0.1)",
            "Dns(\"foo.example.de\")",
        ]
        "#);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "",
            "a b",
            "-x",
            "192.168.1",
            "IP:foo",
            "über.de",
            "a..b",
            "192.168.1.300",
        ] {
            assert!(text.parse::<AltName>().is_err(), "{text:?} was taken");
        }
    }
}
