//! What connections are served by: the configuration in the form they need, replaced as a whole at a reload.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::client_ids::ClientIdRules;
use super::setup::place;
use super::throttle;
use crate::acl::{self, Access};
use crate::codec::{self, QoS};
use crate::config::{
    Config, Endpoint, Listener, ListenerAccess, Protocol, ProtocolVersions, UserNameFrom,
};
use crate::router::{AccessCheck, Client, DeliveryRules, Identity, Scope, SessionExpiry, Source};
use crate::session::Policy;
use crate::tls::ServerTls;
use crate::topic;

/// The bytes that may wait for one client where `max_queued_bytes` sets no limit.
///
/// Mosquitto has none then. A client that stops reading would cost up to a thousand of the largest messages.
const DEFAULT_QUEUED_BYTES: usize = 64 << 20;

/// How often retained messages that have expired are forgotten where `retain_expiry_interval` doesn't say.
///
/// Nobody gets them any more in any case: it is only their memory.
const DEFAULT_RETAIN_EXPIRY_INTERVAL: Duration = Duration::from_secs(60);

/// The scrapes at a time where `max_connections` sets no limit: each looks at all clients.
const MAX_SCRAPES: u32 = 8;

/// What all connections are served by.
#[derive(Debug)]
pub(super) struct Settings {
    /// Which settings these are: later ones have a larger number.
    pub(super) generation: u64,
    pub(super) listeners: Listeners,
    pub(super) delivery: DeliveryRules,
    pub(super) codec: codec::Limits,
    pub(super) max_inflight_messages: u16,
    pub(super) max_inflight_bytes: usize,
    pub(super) max_payload: usize,
    /// Seconds; `None` is no limit.
    pub(super) max_keep_alive: Option<u16>,
    pub(super) retain_available: bool,
    /// Whether whoever retained a message must still have the right to, for others to get it.
    pub(super) check_retain_source: bool,
    /// How often retained messages that have expired are looked for, to be forgotten.
    pub(super) retain_expiry_interval: Duration,
    /// The most sessions.
    pub(super) max_clients: usize,
    pub(super) expiration: Option<Duration>,
    pub(super) connection_messages: bool,
    /// When somebody is locked out.
    pub(super) login: throttle::Rules,
    pub(super) nodelay: bool,
    /// How often `$SYS` is published; never if none.
    pub(super) sys_interval: Option<Duration>,
    /// Connections of all listeners together.
    pub(super) max_connections: usize,
    /// Bytes of the process.
    pub(super) memory_limit: Option<u64>,
}

/// The rules of all listeners, by the number of each.
#[derive(Debug, Default)]
pub(super) struct Listeners(BTreeMap<usize, ListenerRules>);

impl Listeners {
    /// The rules of the listener with this number, if it is open.
    pub(super) fn get(&self, number: usize) -> Option<&ListenerRules> {
        self.0.get(&number)
    }

    /// The rules for a session whose listener is gone or not known: where its client comes back, what it may
    /// read is asked again.
    fn first(&self) -> Option<&ListenerRules> {
        self.0
            .values()
            .find(|rules| rules.protocol == Protocol::Mqtt)
    }

    /// The rules of every listener, with its number.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &ListenerRules)> {
        self.0.iter().map(|(number, rules)| (*number, rules))
    }

    /// The rules of every listener.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ListenerRules> {
        self.0.values()
    }
}

impl FromIterator<(usize, ListenerRules)> for Listeners {
    fn from_iter<T: IntoIterator<Item = (usize, ListenerRules)>>(rules: T) -> Self {
        Self(rules.into_iter().collect())
    }
}

/// What the clients of one listener are served by.
#[derive(Debug)]
pub(super) struct ListenerRules {
    /// Where it listens, by which it is known again after a restart.
    pub(super) name: String,
    pub(super) protocol: Protocol,
    pub(super) allow_anonymous: bool,
    pub(super) access: ListenerAccess,
    pub(super) policy: Policy,
    pub(super) client_ids: ClientIdRules,
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) user_name_from: Option<UserNameFrom>,
    pub(super) max_connections: usize,
    /// The versions that are spoken.
    pub(super) versions: ProtocolVersions,
    /// The highest quality of service.
    pub(super) max_qos: QoS,
    /// The most aliases that a client may set.
    pub(super) topic_alias_maximum: u16,
    /// The most aliases that are set for a client.
    pub(super) topic_alias_maximum_broker: u16,
    /// Where the names and topics of its clients are what they are.
    pub(super) scope: Arc<Scope>,
    /// Whether a subscription to what a client may never read is refused.
    pub(super) strict_subscribe: bool,
    pub(super) endpoint: Endpoint,
}

impl Settings {
    pub(super) fn new(config: &Config, listeners: Listeners) -> Self {
        let limits = &config.limits;
        Self {
            generation: 0,
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
            check_retain_source: limits.check_retain_source,
            retain_expiry_interval: limits
                .retain_expiry_interval
                .unwrap_or(DEFAULT_RETAIN_EXPIRY_INTERVAL),
            max_clients: or_unlimited(limits.global_max_clients),
            expiration: limits.persistent_client_expiration,
            connection_messages: config.log.connection_messages,
            login: config.login_throttle.into(),
            nodelay: config.service.set_tcp_nodelay,
            sys_interval: config.service.sys_interval,
            max_connections: or_unlimited(limits.global_max_connections),
            memory_limit: limits.memory_limit,
        }
    }

    /// Whether a client may publish to `topic`. Nobody writes what the broker says of itself.
    pub(super) fn may_write(&self, listener: usize, who: &Identity, topic: &str) -> bool {
        self.allows(listener, who, topic, Access::Write)
    }

    /// What a listener speaks.
    pub(super) fn protocol(&self, listener: usize) -> Protocol {
        self.listeners
            .get(listener)
            .map_or(Protocol::Mqtt, |rules| rules.protocol)
    }

    /// Whether a client may subscribe with a filter: anybody may, unless it is asked to be strict.
    pub(super) fn may_subscribe(&self, who: &Client, filter: &str) -> bool {
        let Some(rules) = self.listeners.get(who.listener()) else {
            return false;
        };
        let Some(acl) = rules.access.acl.as_ref().filter(|_| rules.strict_subscribe) else {
            return true;
        };
        let Identity {
            client_id,
            username,
            ..
        } = who.identity();
        let filter = topic::shared(filter).map_or(filter, |(_, filter)| filter);
        acl.may_subscribe(username.as_deref(), client_id, filter)
    }

    /// The seconds between packets for a client that asks for so many.
    pub(super) fn keep_alive(&self, asked: u16) -> u16 {
        match self.max_keep_alive {
            Some(limit) if asked == 0 || asked > limit => limit,
            _ => asked,
        }
    }

    /// How long a session stays whose client asks for so long.
    pub(super) fn session_expiry(&self, asked: SessionExpiry) -> SessionExpiry {
        let limit = self.expiration.map_or(u32::MAX, |limit| {
            u32::try_from(limit.as_secs()).unwrap_or(u32::MAX)
        });
        asked.min(SessionExpiry(limit))
    }

    fn allows(&self, listener: usize, who: &Identity, topic: &str, access: Access) -> bool {
        let rules = self.listeners.get(listener);
        let Some(rules) = rules.or(self.listeners.first()) else {
            return false;
        };
        let acl = rules.access.acl.as_deref();
        acl::decide(acl, who.username.as_deref(), &who.client_id, topic, access).allowed
    }
}

impl AccessCheck for Settings {
    fn may_read(&self, who: &Client, topic: &str) -> bool {
        // What is not below its mount point a client can't even name.
        topic.starts_with(&who.identity().scope.mount_point)
            && self.allows(who.listener(), who.identity(), topic, Access::Read)
    }

    fn may_have_retained(&self, who: Option<&Source>, topic: &str) -> bool {
        match who {
            Some(source) if self.check_retain_source => {
                self.allows(source.listener, &source.identity, topic, Access::Write)
            }
            _ => true,
        }
    }
}

impl ListenerRules {
    pub(super) fn new(
        listener: &Listener,
        access: ListenerAccess,
        tls: Option<Arc<ServerTls>>,
    ) -> Self {
        let scrapes = (listener.protocol == Protocol::Metrics).then_some(MAX_SCRAPES);
        Self {
            protocol: listener.protocol,
            name: place(&listener.endpoint),
            allow_anonymous: listener.security.allow_anonymous,
            access,
            policy: Policy {
                allow_empty_client_id: listener.security.allow_zero_length_clientid,
                auto_id_prefix: listener.security.auto_id_prefix.clone(),
            },
            client_ids: ClientIdRules::new(listener),
            tls,
            user_name_from: listener.tls.as_ref().and_then(|tls| tls.user_name_from),
            max_connections: or_unlimited(listener.max_connections.or(scrapes)),
            versions: listener.versions,
            max_qos: QoS::from_bits(listener.max_qos).unwrap_or(QoS::ExactlyOnce),
            topic_alias_maximum: listener.max_topic_alias,
            topic_alias_maximum_broker: listener.max_topic_alias_broker,
            scope: Arc::new(scope(listener)),
            strict_subscribe: listener.security.strict_subscribe,
            endpoint: listener.endpoint.clone(),
        }
    }
}

/// Where the names and topics of a listener's clients are what they are.
///
/// One password file vouches for the same users on all listeners that have it, also for those who come with a
/// certificate instead: they may go from one to the other.
fn scope(listener: &Listener) -> Scope {
    let by_certificate = listener.tls.as_ref().and_then(|tls| tls.user_name_from);
    let file = listener.security.password_file.as_ref();
    let authority = match (file, by_certificate) {
        (Some(file), _) => file.to_string_lossy().into_owned(),
        (None, Some(_)) => "certificates".to_owned(),
        (None, None) => String::new(),
    };
    Scope {
        authority,
        mount_point: listener.mount_point.clone().unwrap_or_default(),
    }
}

fn or_unlimited(limit: Option<u32>) -> usize {
    limit.map_or(usize::MAX, |limit| saturated(limit.into()))
}

fn saturated(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
