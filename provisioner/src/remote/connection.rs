//! From an address to a login: TCP, the machine's host key, authentication.

use std::fmt;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use ssh2::{MethodType, Session};

use super::auth;
use super::destination::Destination;
use super::known_hosts::{self, Known, KnownHosts};
use crate::hint::Fault;
use crate::prompt;
use crate::secret::Secret;
use crate::ssh;

/// How long a machine in the same house may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one exchange may take. Restarting a service on a busy Pi takes its time.
const EXCHANGE_TIMEOUT: Duration = Duration::from_mins(3);

/// What to do about a host key that was never seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Show its fingerprint and ask; refuse where there is nobody to ask.
    Ask,
    /// Take it and remember it (OpenSSH's `StrictHostKeyChecking=accept-new`).
    AcceptNew,
}

/// How to log in.
#[derive(Debug, Clone)]
pub struct Login {
    /// A private key to use instead of the usual ones.
    pub identity: Option<PathBuf>,
    /// The site: its own login key, its known hosts.
    pub site: PathBuf,
    /// The host keys of the site's cards, as OpenSSH writes them.
    pub card_keys: Vec<String>,
    /// What to do about a new host key.
    pub policy: HostKeyPolicy,
}

/// A machine that somebody is logged in to.
pub struct Connection {
    session: Session,
    /// Where it is.
    pub destination: Destination,
    /// Its public host key, as OpenSSH writes it.
    pub host_key: String,
    /// Whether the host key was never seen before, and was trusted all the same.
    is_new: bool,
    /// The password that was used to log in, if one was: `sudo` most likely wants the same.
    pub(super) password: Option<Secret>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.destination)
    }
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    ///
    /// The machine does not answer, its host key is another than before or was never seen and is not to
    /// be trusted, or nobody may log in with what there is.
    pub fn open(destination: &Destination, login: &Login) -> anyhow::Result<Self> {
        let stream = reach(destination)?;
        let mut session = Session::new().context("starting SSH")?;
        session.set_timeout(milliseconds(EXCHANGE_TIMEOUT));
        let known = KnownHosts::of(&login.site);
        prefer(&session, &known, destination, login)?;
        session.set_tcp_stream(stream);
        session
            .handshake()
            .with_context(|| format!("speaking SSH with {destination}"))?;
        let mut connection = Self {
            session,
            destination: destination.clone(),
            host_key: String::new(),
            is_new: false,
            password: None,
        };
        connection.check_host_key(&known, login)?;
        connection.password = auth::log_in(&connection.session, destination, login)?;
        Ok(connection)
    }

    /// Writes a host key that was never seen before into the site at `site`, and says so.
    pub fn remember(&self, site: &Path) -> anyhow::Result<Option<String>> {
        if !self.is_new {
            return Ok(None);
        }
        known_hosts::remember(site, &self.destination, &self.host_key)?;
        Ok(Some(format!(
            "Remembered the host key of {}, {}",
            self.destination.host,
            ssh::fingerprint(&self.host_key)?
        )))
    }

    /// Does something in which no exchange may take longer than `limit`.
    pub(super) fn within<T>(&self, limit: Duration, act: impl FnOnce(&Session) -> T) -> T {
        self.session.set_timeout(milliseconds(limit));
        let done = act(&self.session);
        self.session.set_timeout(milliseconds(EXCHANGE_TIMEOUT));
        done
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    fn check_host_key(&mut self, known: &KnownHosts, login: &Login) -> anyhow::Result<()> {
        let destination = &self.destination;
        let (key, _) = self
            .session
            .host_key()
            .context("the machine showed no host key")?;
        self.host_key = known_hosts::public_key(key)?;
        // A card of this site is known before it was ever reached, however often it was baked anew.
        if login
            .card_keys
            .iter()
            .any(|card| ssh::is_same_key(card, &self.host_key))
        {
            return Ok(());
        }
        let fingerprint = ssh::fingerprint(&self.host_key)?;
        match known.check(&self.session, destination, key)? {
            Known::Same => Ok(()),
            Known::Changed => {
                let text = format!(
                    "{} shows another host key than before, {fingerprint}; nothing was sent",
                    destination.host
                );
                let remove = format!("ssh-keygen -R '{}'", known_hosts::pattern(destination));
                let own = login.site.join("ssh/known_hosts");
                Err(Fault::new(text)
                    .hint(format!(
                        "if the machine was installed anew, forget its old key with `{remove}`, or take its \
                         line out of {}; otherwise somebody may be listening",
                        own.display()
                    ))
                    .into())
            }
            Known::Never => {
                check_new(destination, &fingerprint, login.policy)?;
                self.is_new = true;
                Ok(())
            }
        }
    }
}

/// Asks for kinds of host key that are known, if any is.
fn prefer(
    session: &Session,
    known: &KnownHosts,
    destination: &Destination,
    login: &Login,
) -> anyhow::Result<()> {
    let mut kinds = known.kinds(session, destination)?;
    kinds.extend(login.card_keys.iter().filter_map(|key| {
        let (kind, _) = key.split_once(' ')?;
        Some(kind.to_owned())
    }));
    let supported = session
        .supported_algs(MethodType::HostKey)
        .context("asking what libssh2 can do")?;
    let is_known = |name: &&str| {
        // Keys of the kind ssh-rsa sign with SHA-2 today (RFC 8332).
        let kind = if name.starts_with("rsa-sha2-") {
            "ssh-rsa"
        } else {
            name
        };
        kinds.iter().any(|known| known == kind)
    };
    let (first, rest): (Vec<_>, Vec<_>) = supported.into_iter().partition(is_known);
    if first.is_empty() {
        return Ok(());
    }
    let order = [first, rest].concat().join(",");
    session
        .method_pref(MethodType::HostKey, &order)
        .context("asking for a known kind of host key")
}

fn check_new(
    destination: &Destination,
    fingerprint: &str,
    policy: HostKeyPolicy,
) -> anyhow::Result<()> {
    if policy == HostKeyPolicy::AcceptNew {
        return Ok(());
    }
    let host = &destination.host;
    if !prompt::can_ask() {
        let text = format!("the host key of {host}, {fingerprint}, was never seen before");
        return Err(Fault::new(text)
            .hint("compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints there, then use --accept-new")
            .into());
    }
    let question =
        format!("The host key of {host} was never seen before: {fingerprint}. Trust it?");
    if prompt::confirm(&question)? {
        return Ok(());
    }
    Err(Fault::new(format!(
        "the host key of {host} is not trusted; nothing was sent"
    ))
    .into())
}

fn reach(destination: &Destination) -> anyhow::Result<TcpStream> {
    let (host, port) = (destination.host.to_string(), destination.port);
    let addresses = (host.as_str(), port).to_socket_addrs().map_err(|error| {
        Fault::new(format!("{host} has no address: {error}"))
            .hint("is the name right, and the machine on? Its address works as well")
    })?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    let why = last.map_or_else(|| "it has no address".to_owned(), |error| error.to_string());
    Err(
        Fault::new(format!("{host} does not answer on port {port}: {why}"))
            .hint("is the machine on, in this network, and does it run an SSH server?")
            .into(),
    )
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// `~/.ssh/NAME`.
pub(super) fn own_file(name: &str) -> Option<PathBuf> {
    Some(
        Path::new(&std::env::var_os("HOME")?)
            .join(".ssh")
            .join(name),
    )
}
