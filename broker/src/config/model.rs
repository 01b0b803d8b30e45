//! What a configuration means: typed, complete, defaults filled in.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::Diagnostic;
use super::clients::{LoginThrottle, Protocol, ProtocolVersions};
use super::diagnostic::Place;
use super::named::Named;

/// A complete configuration. Every value is decided; nothing downstream asks for a default.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file that it was read from, as it was named.
    pub file: Option<PathBuf>,
    /// Where to listen; never empty.
    pub listeners: Vec<Listener>,
    /// No listener was asked for: the one there is takes connections from this machine only.
    pub local_only: bool,
    /// What is logged, and where.
    pub log: LogSettings,
    /// What survives a restart.
    pub persistence: Persistence,
    /// How much of everything a client may have.
    pub limits: Limits,
    /// How the process runs.
    pub service: Service,
    /// How often clients may fail to log in; as often as they like if none.
    pub login_throttle: Option<LoginThrottle>,
    /// What is legal but without effect.
    pub warnings: Vec<Diagnostic>,
    /// What works as it is written but is unwise: for whoever checks a configuration, not for every start.
    pub advice: Vec<Diagnostic>,
    /// The files and folders that it was read from.
    pub sources: Vec<PathBuf>,
    /// The files and folders that it names, and where.
    pub(super) named: Vec<Named>,
    /// Where each of the listeners that it has begins.
    pub(super) listener_places: Vec<Place>,
    /// The security of a listener that has no line in the file: one that the command line adds.
    pub(super) added_security: Security,
}

/// A place to listen, and the rules for whoever connects there.
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// How it encrypts; none for plain TCP.
    pub tls: Option<Tls>,
    /// Who may do what. With `per_listener_settings false`, the same for all listeners.
    pub security: Security,
    /// The most connections at a time, if limited.
    pub max_connections: Option<u32>,
    /// What is spoken.
    pub protocol: Protocol,
    /// Which versions of MQTT.
    pub versions: ProtocolVersions,
    /// The highest quality of service of clients' messages, 0 to 2.
    pub max_qos: u8,
    /// The topic aliases that a client may use; 0 is none.
    pub max_topic_alias: u16,
    /// The topic aliases that the broker uses towards a client, if that takes as many; 0 is none.
    pub max_topic_alias_broker: u16,
    /// What is put before clients' topics, and taken off towards them; a valid topic name.
    pub mount_point: Option<String>,
    /// Whether a client's user name is its client id; one without a user name is refused then.
    pub username_as_client_id: bool,
}

impl Listener {
    /// One that has the defaults of everything else.
    pub(super) fn plain(endpoint: Endpoint, security: Security) -> Self {
        Self {
            endpoint,
            tls: None,
            security,
            max_connections: None,
            protocol: Protocol::default(),
            versions: ProtocolVersions::default(),
            max_qos: 2,
            max_topic_alias: 10,
            max_topic_alias_broker: 10,
            mount_point: None,
            username_as_client_id: false,
        }
    }
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// The port.
        port: u16,
        /// Host name or address to bind to; all addresses if none.
        host: Option<String>,
        /// Which families of addresses.
        family: Family,
        /// The network interface to bind to.
        interface: Option<String>,
    },
    /// A TCP port on the loopback addresses of this machine, IPv4 and IPv6.
    Loopback {
        /// The port.
        port: u16,
    },
    /// A Unix-domain socket.
    Unix(PathBuf),
}

/// Which families of addresses to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// IPv4 and IPv6.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// How a listener encrypts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate and those between it and the root, PEM.
    pub certfile: PathBuf,
    /// The key of the first certificate in `certfile`, PEM.
    pub keyfile: PathBuf,
    /// The certificates that clients' certificates are checked against, PEM.
    pub cafile: Option<PathBuf>,
    /// A folder of more such certificates, PEM.
    pub capath: Option<PathBuf>,
    /// Revocation lists for clients' certificates, PEM.
    pub crlfile: Option<PathBuf>,
    /// Whether clients are asked for a certificate.
    pub client_certificates: ClientCertificates,
    /// What in a client's certificate is its user name; none if CONNECT says it.
    pub user_name_from: Option<UserNameFrom>,
    /// The lowest version that is accepted.
    pub min_version: TlsVersion,
    /// The suites for TLS 1.2, with colons between them, as they were written.
    pub ciphers: Option<String>,
    /// The suites for TLS 1.3, with colons between them, as they were written.
    pub ciphers_tls13: Option<String>,
}

/// Whether clients are asked for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked.
    Off,
    /// They are asked, and what they show must be valid; whether one without a certificate gets in is decided
    /// at CONNECT. With a [`Tls::user_name_from`] it does not, as in Mosquitto.
    Optional,
    /// The handshake fails without a valid one.
    Required,
}

/// What in a certificate is a client's user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserNameFrom {
    /// `use_identity_as_username`: the common name.
    CommonName,
    /// `use_subject_as_username`: the whole subject, as RFC 2253 writes it.
    Subject,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// Who may connect and who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// Whether a client without a user name gets in.
    pub allow_anonymous: bool,
    /// Who gets in by password; any name and password do if there is no file and anonymous clients do too.
    pub password_file: Option<PathBuf>,
    /// Who may read and write what; everybody everything if there is no file.
    pub acl_file: Option<PathBuf>,
    /// Whether a client may leave the choice of its id to the broker.
    pub allow_zero_length_clientid: bool,
    /// What an id begins with that the broker chose.
    pub auto_id_prefix: String,
    /// What a client's id has to begin with; the same for all listeners.
    pub client_id_prefix: Option<String>,
    /// Whether a subscription fails of which the ACL lets the client read nothing.
    pub strict_subscribe: bool,
}

/// What is logged, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Where; nothing is logged if there is no destination.
    pub destinations: Vec<LogDestination>,
    /// Which types of messages.
    pub types: LogTypes,
    /// What a line begins with.
    pub timestamps: Timestamps,
    /// The facility for syslog, as the number of RFC 5424: 3 is daemon, 16 to 23 are local0 to local7.
    pub facility: u8,
    /// Whether connecting and disconnecting clients are logged.
    pub connection_messages: bool,
}

/// Where a log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDestination {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The system's logger.
    Syslog,
    /// Topics below `$SYS/broker/log/`.
    Topic,
    /// A file, appended to and opened again at a reload.
    File(PathBuf),
}

/// What a log line begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timestamps {
    /// Nothing.
    None,
    /// Seconds since 1970 (UTC).
    Epoch,
    /// Local time in this format of strftime.
    Format(String),
}

/// A type of log messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogType {
    /// Every packet.
    Debug,
    /// What failed.
    Error,
    /// What is wrong but goes on.
    Warning,
    /// What whoever runs the broker wants to know.
    Notice,
    /// What happens.
    Information,
    /// Clients' subscriptions.
    Subscribe,
    /// Their ends.
    Unsubscribe,
    /// The websockets library.
    Websockets,
    /// The broker's inside.
    Internal,
}

impl LogType {
    /// All types, in the order of the manual.
    pub const ALL: [Self; 9] = [
        Self::Debug,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Information,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Websockets,
        Self::Internal,
    ];

    /// The word after `log_type`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Information => "information",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Websockets => "websockets",
            Self::Internal => "internal",
        }
    }
}

/// A set of [`LogType`]s.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LogTypes(u16);

impl LogTypes {
    /// No type.
    pub const NONE: Self = Self(0);
    /// All types: what `-v` asks for.
    pub const ALL: Self = Self(0x1ff);

    /// The set with `kind` in it too.
    #[must_use]
    pub const fn with(self, kind: LogType) -> Self {
        Self(self.0 | 1 << kind as u16)
    }

    /// The set as bits, for an atomic.
    #[cfg(feature = "server")]
    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    /// The set that had these [`bits`](Self::bits).
    #[cfg(feature = "server")]
    pub(crate) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Whether `kind` is in the set.
    pub const fn contains(self, kind: LogType) -> bool {
        self.0 & 1 << kind as u16 != 0
    }
}

/// Errors, warnings, notices and information.
impl Default for LogTypes {
    fn default() -> Self {
        Self::NONE
            .with(LogType::Error)
            .with(LogType::Warning)
            .with(LogType::Notice)
            .with(LogType::Information)
    }
}

impl fmt::Debug for LogTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(LogType::ALL.into_iter().filter(|kind| self.contains(*kind)))
            .finish()
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            destinations: vec![LogDestination::Stderr],
            types: LogTypes::default(),
            timestamps: Timestamps::Epoch,
            facility: 3,
            connection_messages: true,
        }
    }
}

/// What survives a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persistence {
    /// Whether anything does.
    pub enabled: bool,
    /// The folder; the current one if empty.
    pub location: PathBuf,
    /// The file's name in that folder.
    pub file: String,
    /// When to save besides at the end.
    pub autosave: Autosave,
}

/// When to save besides at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Autosave {
    /// Not at all.
    Off,
    /// As often.
    Every(Duration),
    /// After so many changes.
    Changes(NonZeroU32),
}

impl Persistence {
    /// The file with its folder.
    pub fn path(&self) -> PathBuf {
        self.location.join(&self.file)
    }
}

/// How much of everything a client may have. `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most messages of QoS 1 and 2 in flight to a client.
    pub max_inflight_messages: Option<u16>,
    /// The most bytes in flight to a client.
    pub max_inflight_bytes: Option<u64>,
    /// The most messages waiting for a client, besides those in flight.
    pub max_queued_messages: Option<u32>,
    /// The most bytes waiting for a client.
    pub max_queued_bytes: Option<u64>,
    /// Whether messages of QoS 0 wait for a client that is away.
    pub queue_qos0_messages: bool,
    /// The most bytes of a packet, header included.
    pub max_packet_size: Option<u32>,
    /// The most bytes of a message's payload.
    pub message_size_limit: Option<u32>,
    /// The longest keep-alive that a client may ask for, in seconds; 0 is no limit, and none either.
    pub max_keepalive: u16,
    /// Whether messages are retained.
    pub retain_available: bool,
    /// How long a session waits for a client that is away.
    pub persistent_client_expiration: Option<Duration>,
    /// Whether overlapping subscriptions bring a message more than once.
    pub allow_duplicate_messages: bool,
    /// Whether a client gets a message with its subscription's QoS where that is higher than the message's.
    pub upgrade_outgoing_qos: bool,
    /// Whether a retained message is delivered only while its publisher may still write there.
    pub check_retain_source: bool,
    /// How often expired retained messages are looked for; when they are next looked at if none.
    pub retain_expiry_interval: Option<Duration>,
    /// The most sessions, those of clients that are away included.
    pub global_max_clients: Option<u32>,
    /// The most connections of all listeners together.
    pub global_max_connections: Option<u32>,
    /// The bytes of memory of the process above which no further connection is taken.
    pub memory_limit: Option<u64>,
}

/// How the process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Where the process id is written.
    pub pid_file: Option<PathBuf>,
    /// How often `$SYS` is published; never if none.
    pub sys_interval: Option<Duration>,
    /// Whether small packets leave at once (`TCP_NODELAY`).
    pub set_tcp_nodelay: bool,
    /// Who the process becomes if root has started it, where the configuration says so.
    pub user: Option<String>,
    /// Whether changed files are taken on without a signal.
    pub reload_on_change: bool,
    /// How many days before the end of a certificate that is said; never if 0.
    pub certificate_warning_days: u32,
}
