//! What a CONNECT is worth, apart from who sent it.

use crate::codec::{Connect, Property, Reason, Text, Version};

/// What the broker asks of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether a client may leave its identifier to the broker (`allow_zero_length_clientid`).
    pub allow_empty_client_id: bool,
    /// What such identifiers begin with (`auto_id_prefix`).
    pub auto_id_prefix: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allow_empty_client_id: true,
            auto_id_prefix: "auto-".to_owned(),
        }
    }
}

/// A client that may be let in, if it is who it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The identifier it goes by.
    pub client_id: Text,
    /// Whether the broker made that up.
    pub assigned: bool,
}

/// Judges a CONNECT; `unique` is a text that no other client has been given.
///
/// # Errors
///
/// The reason to refuse it for.
pub fn review(connect: &Connect, policy: &Policy, unique: &str) -> Result<Admission, Reason> {
    // [MQTT-4.12.0-1]: name and password, or a certificate, are all there is.
    let method = |property: &Property| matches!(property, Property::AuthenticationMethod(_));
    if connect.properties.iter().any(method) {
        return Err(Reason::BadAuthenticationMethod);
    }
    if !connect.client_id.is_empty() {
        return Ok(Admission {
            client_id: connect.client_id.detach(),
            assigned: false,
        });
    }
    // In version 3.1 an identifier has at least one character; from 3.1.1 on it may be left out by a client
    // that leaves no session behind [MQTT-3.1.3-7], [MQTT-3.1.3-8]; from 5 on by any, which is told what it
    // was given [MQTT-3.1.3-6], [MQTT-3.1.3-7].
    let may_be_empty = match connect.version {
        Version::V31 => false,
        Version::V311 => connect.clean_start,
        Version::V5 => true,
    };
    if !may_be_empty || !policy.allow_empty_client_id {
        return Err(Reason::ClientIdentifierNotValid);
    }
    let client_id = Text::new(&format!("{}{unique}", policy.auto_id_prefix));
    let client_id = client_id.ok_or(Reason::ClientIdentifierNotValid)?;
    Ok(Admission {
        client_id,
        assigned: true,
    })
}

/// What a client of version 5 asks of the broker; the defaults for any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// The most messages of quality of service 1 and 2 in flight to it.
    pub receive_maximum: u16,
    /// The most aliases that it takes.
    pub topic_alias_maximum: u16,
    /// The most bytes of a packet that it takes.
    pub max_packet_size: u32,
    /// Whether it wants reason strings where they may be left out.
    pub problem_information: bool,
}

impl ClientLimits {
    /// Those that a CONNECT asks for (section 3.1.2.11 of version 5).
    pub fn of(connect: &Connect) -> Self {
        let mut limits = Self {
            receive_maximum: u16::MAX,
            topic_alias_maximum: 0,
            max_packet_size: u32::MAX,
            problem_information: true,
        };
        for property in connect.properties.iter() {
            match property {
                Property::ReceiveMaximum(count) => limits.receive_maximum = *count,
                Property::TopicAliasMaximum(count) => limits.topic_alias_maximum = *count,
                Property::MaximumPacketSize(size) => limits.max_packet_size = *size,
                Property::RequestProblemInformation(wanted) => limits.problem_information = *wanted,
                _ => {}
            }
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Properties;

    fn connect(client_id: &str, version: Version, clean_start: bool) -> Connect {
        Connect {
            version,
            bridge: false,
            clean_start,
            keep_alive: 60,
            client_id: Text::new(client_id).unwrap(),
            will: None,
            username: None,
            password: None,
            properties: Properties::NONE,
        }
    }

    fn reviewed(
        client_id: &str,
        version: Version,
        clean: bool,
        policy: &Policy,
    ) -> Result<String, Reason> {
        review(&connect(client_id, version, clean), policy, "1")
            .map(|admission| admission.client_id.to_string())
    }

    #[test]
    fn an_empty_identifier_is_replaced_for_a_clean_session_of_3_1_1_and_any_of_5() {
        let policy = Policy::default();
        assert_eq!(
            reviewed("", Version::V311, true, &policy),
            Ok("auto-1".to_owned())
        );
        assert_eq!(
            reviewed("", Version::V311, false, &policy),
            Err(Reason::ClientIdentifierNotValid)
        );
        assert_eq!(
            reviewed("", Version::V31, true, &policy),
            Err(Reason::ClientIdentifierNotValid)
        );
        assert_eq!(
            reviewed("", Version::V5, false, &policy),
            Ok("auto-1".to_owned())
        );
        let strict = Policy {
            allow_empty_client_id: false,
            ..policy
        };
        assert_eq!(
            reviewed("", Version::V311, true, &strict),
            Err(Reason::ClientIdentifierNotValid)
        );
    }
}
