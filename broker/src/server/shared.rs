//! What all connections share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::admit::LARGE_CONNECTS;
use super::auth::PasswordCheck;
use super::settings::Settings;
use super::traffic::Traffic;
use crate::codec::{Forwarded, Text};
use crate::log::{LogType, Logger};
use crate::router::{Client, Message, Routed, Router, SessionExpiry};

/// How long what is published once waits for somebody who is away: a line of the log, as in Mosquitto.
const LOG_LINE_EXPIRY: Duration = Duration::from_secs(20);

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) router: Router,
    pub(super) log: Logger,
    pub(super) passwords: PasswordCheck,
    /// Places for clients whose CONNECT is large.
    pub(super) large_connects: Arc<Semaphore>,
    /// The process has more memory than `memory_limit`: nothing that takes more is taken on.
    pub(super) is_short_of_memory: AtomicBool,
    pub(super) counters: Counters,
    /// When it began.
    pub(super) start: Instant,
    settings: RwLock<Arc<Settings>>,
    stopping: AtomicBool,
}

/// What `$SYS` tells.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Network connections now.
    pub(super) connections: AtomicUsize,
    /// Clients that are logged in now.
    pub(super) clients: AtomicUsize,
    /// The most sessions at a time, as far as somebody looked.
    pub(super) most_sessions: AtomicUsize,
    /// Network connections that were accepted.
    pub(super) accepted: AtomicU64,
    /// CONNECT packets that came.
    pub(super) connects: AtomicU64,
    /// Those that were refused.
    pub(super) refused: AtomicU64,
    /// Sessions that ended because their clients were away for too long.
    pub(super) expired: AtomicU64,
    /// Bytes, packets and messages.
    pub(super) traffic: Arc<Traffic>,
    /// Messages that found no room in a queue.
    pub(super) dropped: AtomicU64,
    /// Changes to what is saved, since it was saved.
    pub(super) changes: AtomicU64,
}

impl Shared {
    pub(super) fn new(log: Logger, settings: Settings) -> Self {
        // Half of the processors: the others go on serving.
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            router: Router::default(),
            log,
            passwords: PasswordCheck::new((processors / 2).max(1), settings.login),
            large_connects: Arc::new(Semaphore::new(LARGE_CONNECTS)),
            is_short_of_memory: AtomicBool::new(false),
            counters: Counters::default(),
            start: Instant::now(),
            settings: RwLock::new(Arc::new(settings)),
            stopping: AtomicBool::new(false),
        }
    }

    /// What is in force now. Kept for one packet or one accepted connection, not longer.
    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts new settings in force. Every connection sees by their generation that they are new.
    pub(super) fn replace_settings(&self, mut settings: Settings) {
        let login = settings.login;
        let mut current = self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        settings.generation = current.generation + 1;
        *current = Arc::new(settings);
        drop(current);
        self.passwords.restart(login);
    }

    /// Passes a message on to those who may have it.
    pub(super) fn publish(
        &self,
        message: &Arc<Message>,
        from: Option<&Client>,
        settings: &Settings,
    ) -> Routed {
        let routed = self
            .router
            .publish(message, from, settings.delivery, settings);
        // What the broker says of itself is made anew at each start.
        let lasting = from.is_some() && (message.retain() || routed.queued > 0);
        if lasting {
            self.counters.changes.fetch_add(1, Ordering::Relaxed);
        }
        if routed.dropped > 0 {
            self.counters
                .dropped
                .fetch_add(routed.dropped as u64, Ordering::Relaxed);
        }
        routed
    }

    /// Something about a session has changed; of one that ends with its connection nothing is saved.
    pub(super) fn count_change_of(&self, client: &Client) {
        if client.expiry() != SessionExpiry::AT_ONCE {
            self.counters.changes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Publishes what the broker says of itself.
    pub(super) fn publish_own(&self, topic: &str, payload: String, retain: bool) {
        let topic = Text::new(topic);
        let message = topic.and_then(|topic| {
            Message::new(
                &topic,
                &Forwarded::default(),
                &payload.into(),
                crate::codec::QoS::ExactlyOnce,
                retain,
            )
        });
        if let Some(message) = message {
            let expires = (!retain).then(|| Instant::now() + LOG_LINE_EXPIRY);
            let message = Arc::new(message.expiring(expires));
            self.publish(&message, None, &self.settings());
        }
    }

    /// Whether the broker is about to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Tells all connections to end.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        for client in self.router.clients_now() {
            client.inbox().wake();
        }
    }

    pub(super) fn notice(&self, text: impl std::fmt::Display) {
        self.log.log(LogType::Notice, text);
    }

    pub(super) fn debug(&self, text: impl std::fmt::Display) {
        self.log.log(LogType::Debug, text);
    }
}
