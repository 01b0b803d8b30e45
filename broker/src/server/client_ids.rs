//! Which client identifiers a listener takes, besides what MQTT says of them.

use crate::codec::Text;
use crate::config::Listener;

/// `clientid_prefixes` and `use_username_as_clientid`.
#[derive(Debug, Default)]
pub(super) struct ClientIdRules {
    prefix: Option<String>,
    from_user_name: bool,
}

impl ClientIdRules {
    pub(super) fn new(listener: &Listener) -> Self {
        Self {
            prefix: listener.security.client_id_prefix.clone(),
            from_user_name: listener.username_as_client_id,
        }
    }

    /// The identifier that a client goes by, or why it may not come in.
    ///
    /// `asked` is its own, or the one that was made up for it. As with Mosquitto, that one has to have the prefix,
    /// even if the user name takes its place then.
    pub(super) fn apply(
        &self,
        asked: Text,
        user_name: Option<&Text>,
    ) -> Result<Text, &'static str> {
        if let Some(prefix) = &self.prefix {
            if !asked.as_str().starts_with(prefix.as_str()) {
                return Err("its client identifier does not begin with clientid_prefixes");
            }
        }
        match user_name {
            _ if !self.from_user_name => Ok(asked),
            Some(name) if !name.is_empty() => Ok(name.clone()),
            _ => Err("it has no user name, which is to be its client identifier"),
        }
    }
}
