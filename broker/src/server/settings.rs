//! What connections are served by: the configuration in the form they need, replaced as a whole at a reload.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

use crate::acl::Access;
use crate::codec;
use crate::config::{Config, Listener, ListenerAccess, Protocol, UserNameFrom};
use crate::router::{AccessCheck, Client, DeliveryRules, Identity};
use crate::session::Policy;

/// The bytes that may wait for one client where `max_queued_bytes` sets no limit.
///
/// Mosquitto has none then. A client that stops reading would cost up to a thousand of the largest messages.
const DEFAULT_QUEUED_BYTES: usize = 64 << 20;

/// The scrapes at a time where `max_connections` sets no limit: each looks at all clients.
const MAX_SCRAPES: u32 = 8;

/// What all connections are served by.
#[derive(Debug)]
pub(super) struct Settings {
    /// By the number of the listener.
    pub(super) listeners: Vec<ListenerRules>,
    pub(super) delivery: DeliveryRules,
    pub(super) codec: codec::Limits,
    pub(super) max_inflight_messages: u16,
    pub(super) max_inflight_bytes: usize,
    pub(super) max_payload: usize,
    /// Seconds; `None` is no limit.
    pub(super) max_keep_alive: Option<u16>,
    pub(super) retain_available: bool,
    pub(super) expiration: Option<Duration>,
    pub(super) connection_messages: bool,
    pub(super) nodelay: bool,
    /// How often `$SYS` is published; never if none.
    pub(super) sys_interval: Option<Duration>,
}

/// What the clients of one listener are served by.
#[derive(Debug)]
pub(super) struct ListenerRules {
    pub(super) protocol: Protocol,
    pub(super) allow_anonymous: bool,
    pub(super) access: ListenerAccess,
    pub(super) policy: Policy,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) user_name_from: Option<UserNameFrom>,
    pub(super) max_connections: usize,
}

impl Settings {
    pub(super) fn new(config: &Config, listeners: Vec<ListenerRules>) -> Self {
        let limits = &config.limits;
        Self {
            listeners,
            delivery: DeliveryRules {
                messages: or_unlimited(limits.max_queued_messages),
                bytes: limits
                    .max_queued_bytes
                    .map_or(DEFAULT_QUEUED_BYTES, saturated),
                qos0_offline: limits.queue_qos0_messages,
                upgrade_qos: limits.upgrade_outgoing_qos,
                duplicates: limits.allow_duplicate_messages,
            },
            codec: codec::Limits {
                max_packet_size: or_unlimited(limits.max_packet_size),
            },
            max_inflight_messages: limits.max_inflight_messages.unwrap_or(u16::MAX),
            max_inflight_bytes: limits.max_inflight_bytes.map_or(usize::MAX, saturated),
            max_payload: or_unlimited(limits.message_size_limit),
            // No keep-alive is longer than the default, and one of 0, which is none, is legal unless somebody
            // asks for a limit.
            max_keep_alive: Some(limits.max_keepalive)
                .filter(|limit| !matches!(*limit, 0 | u16::MAX)),
            retain_available: limits.retain_available,
            expiration: limits.persistent_client_expiration,
            connection_messages: config.log.connection_messages,
            nodelay: config.service.set_tcp_nodelay,
            sys_interval: config.service.sys_interval,
        }
    }

    /// Whether a client may publish to `topic`. Nobody writes what the broker says of itself.
    pub(super) fn may_write(&self, listener: usize, who: &Identity, topic: &str) -> bool {
        let own = topic == "$SYS" || topic.starts_with("$SYS/");
        !own && self.allows(listener, who, topic, Access::Write)
    }

    /// What a listener speaks.
    pub(super) fn protocol(&self, listener: usize) -> Protocol {
        self.listeners
            .get(listener)
            .map_or(Protocol::Mqtt, |rules| rules.protocol)
    }

    fn allows(&self, listener: usize, who: &Identity, topic: &str, access: Access) -> bool {
        match self.listeners.get(listener).map(|rules| &rules.access.acl) {
            Some(Some(acl)) => acl.check(who.username.as_deref(), &who.client_id, topic, access),
            Some(None) => true,
            // A session whose listener is gone is nobody's.
            None => false,
        }
    }
}

impl AccessCheck for Settings {
    fn may_read(&self, who: &Client, topic: &str) -> bool {
        self.allows(who.listener(), who.identity(), topic, Access::Read)
    }
}

impl ListenerRules {
    pub(super) fn new(
        listener: &Listener,
        access: ListenerAccess,
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        let scrapes = (listener.protocol == Protocol::Metrics).then_some(MAX_SCRAPES);
        Self {
            protocol: listener.protocol,
            allow_anonymous: listener.security.allow_anonymous,
            access,
            policy: Policy {
                allow_empty_client_id: listener.security.allow_zero_length_clientid,
                auto_id_prefix: listener.security.auto_id_prefix.clone(),
            },
            tls,
            user_name_from: listener.tls.as_ref().and_then(|tls| tls.user_name_from),
            max_connections: or_unlimited(listener.max_connections.or(scrapes)),
        }
    }
}

fn or_unlimited(limit: Option<u32>) -> usize {
    limit.map_or(usize::MAX, |limit| saturated(limit.into()))
}

fn saturated(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
