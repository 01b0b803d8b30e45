//! A configuration while it is being read: what was said so far, and where.

use std::path::PathBuf;
use std::time::Duration;

use super::clients::{Protocol, ProtocolVersions};
use super::diagnostic::{Diagnostic, Place};
use super::model::{
    Autosave, Family, Limits, LogDestination, LogTypes, Persistence, Service, TlsVersion,
};
use super::named::Named;

/// A value and where it was set.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// What was read so far.
#[derive(Debug)]
pub(super) struct Draft {
    /// What is set before any `listener` line.
    pub(super) default_listener: ListenerDraft,
    pub(super) listeners: Vec<ListenerDraft>,
    /// `per_listener_settings`.
    pub(super) per_listener: bool,
    /// The security options of all listeners, unless each has its own.
    pub(super) security: SecurityDraft,
    pub(super) log: LogDraft,
    pub(super) persistence: Persistence,
    /// The line that turned persistence on or off.
    pub(super) persistence_place: Option<Place>,
    /// The last line that says where the state is kept.
    pub(super) persistence_named: Option<At<&'static str>>,
    /// What client ids have to begin with.
    pub(super) clientid_prefixes: Option<At<String>>,
    pub(super) login_failures_max: u32,
    pub(super) login_failures_window: Duration,
    pub(super) autosave_on_changes: bool,
    pub(super) autosave_interval: u32,
    pub(super) limits: Limits,
    pub(super) service: Service,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) errors: Vec<Diagnostic>,
    /// The files and folders that were read.
    pub(super) sources: Vec<PathBuf>,
    /// The files and folders that are named, and where.
    pub(super) named: Vec<Named>,
    /// A listener's options that stand above every `listener` line.
    pub(super) above: Vec<At<&'static str>>,
    /// A `connection` was refused: what belongs to it need not be refused again.
    pub(super) bridge_refused: bool,
}

/// One listener's options.
#[derive(Debug, Default)]
pub(super) struct ListenerDraft {
    /// Its `listener` or `port` line; none if there is neither.
    pub(super) place: Option<Place>,
    pub(super) port: Option<u16>,
    pub(super) unix_path: Option<PathBuf>,
    pub(super) host: Option<String>,
    pub(super) interface: Option<String>,
    pub(super) family: Family,
    pub(super) certfile: Option<At<PathBuf>>,
    pub(super) keyfile: Option<At<PathBuf>>,
    pub(super) cafile: Option<At<PathBuf>>,
    pub(super) capath: Option<At<PathBuf>>,
    pub(super) crlfile: Option<At<PathBuf>>,
    pub(super) ciphers: Option<At<String>>,
    pub(super) ciphers_tls13: Option<At<String>>,
    pub(super) require_certificate: Option<At<bool>>,
    pub(super) use_identity: Option<At<bool>>,
    pub(super) use_subject: Option<At<bool>>,
    pub(super) tls_version: Option<At<TlsVersion>>,
    pub(super) max_connections: Option<u32>,
    pub(super) versions: Option<ProtocolVersions>,
    pub(super) max_qos: Option<u8>,
    pub(super) max_topic_alias: Option<u16>,
    pub(super) max_topic_alias_broker: Option<u16>,
    pub(super) mount_point: Option<String>,
    pub(super) username_as_clientid: Option<At<bool>>,
    /// `listener_allow_anonymous`.
    pub(super) allow_anonymous: Option<bool>,
    /// `listener_auto_id_prefix`.
    pub(super) auto_id_prefix: Option<String>,
    pub(super) security: SecurityDraft,
    pub(super) protocol: Protocol,
    /// Its `listener` line is wrong: it is here only to take the options that follow.
    pub(super) broken: bool,
    /// Some option opens this listener, though no `listener` line began it.
    pub(super) wanted: bool,
}

/// Security options; what is not set has Mosquitto's default.
#[derive(Debug, Clone, Default)]
pub(super) struct SecurityDraft {
    pub(super) allow_anonymous: Option<bool>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) acl_file: Option<PathBuf>,
    pub(super) allow_zero_length_clientid: Option<bool>,
    pub(super) auto_id_prefix: Option<String>,
    pub(super) strict_subscribe: Option<bool>,
}

/// Log options.
#[derive(Debug, Default)]
pub(super) struct LogDraft {
    pub(super) destinations: Option<Vec<LogDestination>>,
    pub(super) types: Option<LogTypes>,
    pub(super) no_timestamp: bool,
    pub(super) format: Option<String>,
    pub(super) facility: Option<u8>,
    pub(super) no_connection_messages: bool,
}

impl SecurityDraft {
    /// Whether anything was set.
    pub(super) fn is_set(&self) -> bool {
        let Self {
            allow_anonymous,
            password_file,
            acl_file,
            allow_zero_length_clientid,
            auto_id_prefix,
            strict_subscribe,
        } = self;
        allow_anonymous
            .or(*allow_zero_length_clientid)
            .or(*strict_subscribe)
            .is_some()
            || password_file.as_ref().or(acl_file.as_ref()).is_some()
            || auto_id_prefix.is_some()
    }
}

impl Draft {
    /// An empty configuration with Mosquitto's defaults.
    pub(super) fn new() -> Self {
        Self {
            default_listener: ListenerDraft::default(),
            listeners: Vec::new(),
            per_listener: false,
            security: SecurityDraft::default(),
            log: LogDraft::default(),
            persistence: Persistence {
                enabled: false,
                location: PathBuf::new(),
                file: "mosquitto.db".to_owned(),
                autosave: Autosave::Off,
            },
            persistence_place: None,
            persistence_named: None,
            clientid_prefixes: None,
            login_failures_max: 10,
            login_failures_window: Duration::from_secs(300),
            autosave_on_changes: false,
            autosave_interval: 1800,
            limits: Limits {
                max_inflight_messages: Some(20),
                max_inflight_bytes: None,
                max_queued_messages: Some(1000),
                max_queued_bytes: None,
                queue_qos0_messages: false,
                max_packet_size: Some(2_000_000),
                message_size_limit: None,
                max_keepalive: u16::MAX,
                retain_available: true,
                persistent_client_expiration: None,
                allow_duplicate_messages: true,
                upgrade_outgoing_qos: false,
                check_retain_source: true,
                retain_expiry_interval: None,
                global_max_clients: None,
                global_max_connections: None,
                memory_limit: None,
            },
            service: Service {
                pid_file: None,
                sys_interval: Some(Duration::from_secs(10)),
                set_tcp_nodelay: true,
                user: None,
                reload_on_change: false,
                certificate_warning_days: 30,
            },
            warnings: Vec::new(),
            errors: Vec::new(),
            sources: Vec::new(),
            named: Vec::new(),
            above: Vec::new(),
            bridge_refused: false,
        }
    }

    /// The listener that a line is about: the last one begun, or the default one, which this line does not open.
    pub(super) fn listener(&mut self) -> &mut ListenerDraft {
        self.listeners
            .last_mut()
            .unwrap_or(&mut self.default_listener)
    }

    /// The same for a line that opens the default listener if `opens`: which lines do is Mosquitto's choice.
    pub(super) fn opened(&mut self, opens: bool) -> &mut ListenerDraft {
        let listener = self.listener();
        listener.wanted |= opens;
        listener
    }

    /// The security options that a line is about.
    pub(super) fn security(&mut self) -> &mut SecurityDraft {
        self.opened_security(false)
    }

    /// The same for a line that opens the default listener if `opens` and each listener has its own.
    pub(super) fn opened_security(&mut self, opens: bool) -> &mut SecurityDraft {
        if self.per_listener {
            &mut self.opened(opens).security
        } else {
            &mut self.security
        }
    }

    /// Whether something was said about a listener or about security.
    pub(super) fn has_settings(&self) -> bool {
        let default = self.default_listener.wanted || !self.above.is_empty();
        default || !self.listeners.is_empty() || self.security.is_set()
    }
}
