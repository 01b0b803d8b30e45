//! What a CONNECT is worth, apart from who sent it.

use crate::codec::{Connect, ConnectCode, Text, Version};

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
/// The code to refuse it with.
pub fn review(connect: &Connect, policy: &Policy, unique: &str) -> Result<Admission, ConnectCode> {
    if !connect.client_id.is_empty() {
        return Ok(Admission {
            client_id: connect.client_id.detach(),
            assigned: false,
        });
    }
    // In version 3.1 an identifier has at least one character; from 3.1.1 on it may be left out by a client
    // that leaves no session behind [MQTT-3.1.3-7], [MQTT-3.1.3-8].
    if connect.version == Version::V31 || !connect.clean_session || !policy.allow_empty_client_id {
        return Err(ConnectCode::IdentifierRejected);
    }
    let client_id = Text::new(&format!("{}{unique}", policy.auto_id_prefix));
    let client_id = client_id.ok_or(ConnectCode::IdentifierRejected)?;
    Ok(Admission {
        client_id,
        assigned: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(client_id: &str, version: Version, clean_session: bool) -> Connect {
        Connect {
            version,
            bridge: false,
            clean_session,
            keep_alive: 60,
            client_id: Text::new(client_id).unwrap(),
            will: None,
            username: None,
            password: None,
        }
    }

    fn reviewed(
        client_id: &str,
        version: Version,
        clean: bool,
        policy: &Policy,
    ) -> Result<String, ConnectCode> {
        review(&connect(client_id, version, clean), policy, "1")
            .map(|admission| admission.client_id.to_string())
    }

    #[test]
    fn an_empty_identifier_is_replaced_only_for_a_clean_session_of_3_1_1() {
        let policy = Policy::default();
        assert_eq!(
            reviewed("", Version::V311, true, &policy),
            Ok("auto-1".to_owned())
        );
        assert_eq!(
            reviewed("", Version::V311, false, &policy),
            Err(ConnectCode::IdentifierRejected)
        );
        assert_eq!(
            reviewed("", Version::V31, true, &policy),
            Err(ConnectCode::IdentifierRejected)
        );
        let strict = Policy {
            allow_empty_client_id: false,
            ..policy
        };
        assert_eq!(
            reviewed("", Version::V311, true, &strict),
            Err(ConnectCode::IdentifierRejected)
        );
    }
}
