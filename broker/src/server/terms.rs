//! What a client of version 5 is told of the broker, and is judged by from then on.

use super::settings::{ListenerRules, Settings};
use crate::codec::{Connect, Properties, Property, QoS};
use crate::router::{Identity, SessionExpiry};

/// What a client of version 5 was told. A reload that changes it counts for those who come later: nobody is
/// disconnected for keeping to what he was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// The most messages of quality of service 2 that it may leave unreleased.
    pub(super) receive_maximum: u16,
    /// The highest alias.
    pub(super) topic_alias_maximum: u16,
    /// The most bytes of a packet.
    pub(super) max_packet_size: usize,
    /// The highest quality of service.
    pub(super) max_qos: QoS,
    /// Whether messages are retained.
    pub(super) retain_available: bool,
}

impl Terms {
    /// Those that hold now.
    pub(super) fn of(settings: &Settings, rules: &ListenerRules) -> Self {
        Self {
            receive_maximum: settings.max_inflight_messages,
            topic_alias_maximum: rules.topic_alias_maximum,
            max_packet_size: settings.codec.max_packet_size,
            max_qos: rules.max_qos,
            retain_available: settings.retain_available,
        }
    }

    /// How CONNACK says them (section 3.2.2.3), with the names and in the order of Mosquitto; what is as the
    /// standard assumes is left out.
    pub(super) fn announce(
        self,
        settings: &Settings,
        connect: &Connect,
        client: &Identity,
        assigned: bool,
    ) -> Properties {
        let mut said = Properties::NONE;
        if self.topic_alias_maximum > 0 {
            said.push(Property::TopicAliasMaximum(self.topic_alias_maximum));
        }
        if assigned {
            said.push(Property::AssignedClientIdentifier(client.client_id.clone()));
        }
        let keep_alive = settings.keep_alive(connect.keep_alive);
        if keep_alive != connect.keep_alive {
            said.push(Property::ServerKeepAlive(keep_alive));
        }
        let asked = asked_expiry(connect);
        let granted = settings.session_expiry(asked);
        if granted != asked {
            said.push(Property::SessionExpiryInterval(granted.0));
        }
        if !self.retain_available {
            said.push(Property::RetainAvailable(false));
        }
        if let Ok(size) = u32::try_from(self.max_packet_size) {
            said.push(Property::MaximumPacketSize(size));
        }
        if self.receive_maximum < u16::MAX {
            said.push(Property::ReceiveMaximum(self.receive_maximum));
        }
        if self.max_qos < QoS::ExactlyOnce {
            said.push(Property::MaximumQoS(self.max_qos));
        }
        said
    }
}

/// How long a session is to stay: before version 5 for ever, unless it is clean.
pub(super) fn asked_expiry(connect: &Connect) -> SessionExpiry {
    if connect.version.has_properties() {
        return SessionExpiry(connect.properties.session_expiry().unwrap_or_default());
    }
    if connect.clean_start {
        SessionExpiry::AT_ONCE
    } else {
        SessionExpiry::NEVER
    }
}
