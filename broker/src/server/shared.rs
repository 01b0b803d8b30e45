//! What all connections share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::auth::PasswordCheck;
use super::settings::Settings;
use crate::codec::{Forwarded, Text};
use crate::log::{LogType, Logger};
use crate::router::{Client, Message, Routed, Router};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) router: Router,
    pub(super) log: Logger,
    pub(super) passwords: PasswordCheck,
    pub(super) counters: Counters,
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
    /// Messages that came from clients.
    pub(super) received: AtomicU64,
    /// Messages that went to clients.
    pub(super) sent: AtomicU64,
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
            passwords: PasswordCheck::new((processors / 2).max(1)),
            counters: Counters::default(),
            settings: RwLock::new(Arc::new(settings)),
            stopping: AtomicBool::new(false),
        }
    }

    /// What is in force now. Kept for one packet or one accepted connection, not longer.
    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts new settings in force.
    pub(super) fn replace_settings(&self, settings: Settings) {
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
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
        if routed.dropped > 0 {
            self.counters
                .dropped
                .fetch_add(routed.dropped as u64, Ordering::Relaxed);
        }
        routed
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
            self.publish(&Arc::new(message), None, &self.settings());
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
