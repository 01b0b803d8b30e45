//! How the broker is, at one time.

use std::sync::atomic::Ordering;

use super::memory::Memory;
use super::shared::Shared;
use super::traffic::Totals;
use crate::router::Router;

/// How the broker is, at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Seconds since it began.
    pub(super) uptime: u64,
    pub(super) connections: u64,
    pub(super) accepted: u64,
    pub(super) connects: u64,
    pub(super) refused: u64,
    pub(super) sessions: u64,
    pub(super) most_sessions: u64,
    pub(super) connected: u64,
    pub(super) expired: u64,
    pub(super) subscriptions: u64,
    pub(super) retained: u64,
    pub(super) retained_bytes: u64,
    pub(super) dropped: u64,
    pub(super) lost_lines: u64,
    pub(super) clients: Clients,
    pub(super) traffic: Totals,
    pub(super) memory: Option<Memory>,
}

/// What is known of all clients together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Clients {
    /// Messages that wait to be sent; one that waits for several clients counts for each.
    pub(super) queued: u64,
    /// The bytes of their topics and payloads.
    pub(super) queued_bytes: u64,
    /// Messages that were sent and are not yet acknowledged.
    pub(super) in_flight: u64,
    /// Shared subscriptions.
    pub(super) shared_subscriptions: u64,
}

impl Report {
    /// Looks at everything. Takes each client's locks, one after the other.
    pub(super) fn of(shared: &Shared) -> Self {
        let counters = &shared.counters;
        let (retained, retained_bytes) = shared.router.retained_size();
        let sessions = shared.router.session_count();
        let before = counters
            .most_sessions
            .fetch_max(sessions, Ordering::Relaxed);
        Self {
            uptime: shared.start.elapsed().as_secs(),
            connections: counters.connections.load(Ordering::Relaxed) as u64,
            accepted: counters.accepted.load(Ordering::Relaxed),
            connects: counters.connects.load(Ordering::Relaxed),
            refused: counters.refused.load(Ordering::Relaxed),
            sessions: sessions as u64,
            most_sessions: before.max(sessions) as u64,
            connected: counters.clients.load(Ordering::Relaxed) as u64,
            expired: counters.expired.load(Ordering::Relaxed),
            subscriptions: shared.router.subscription_count() as u64,
            retained: retained as u64,
            retained_bytes: retained_bytes as u64,
            dropped: counters.dropped.load(Ordering::Relaxed),
            lost_lines: shared.log.lost(),
            clients: Clients::of(&shared.router),
            traffic: counters.traffic.totals(),
            memory: Memory::now(),
        }
    }

    /// Messages that are kept for whatever reason.
    pub(super) fn stored(&self) -> u64 {
        self.retained + self.clients.queued + self.clients.in_flight
    }

    /// Sessions whose clients are away.
    pub(super) fn disconnected(&self) -> u64 {
        self.sessions.saturating_sub(self.connected)
    }
}

impl Clients {
    fn of(router: &Router) -> Self {
        let mut all = Self::default();
        for client in router.clients_now() {
            let owned = client.owned();
            all.in_flight += owned.session.outgoing.window().count() as u64;
            let shared = |filter: &str| filter.starts_with("$share/");
            let filters = owned.subscriptions().iter().map(|(filter, _)| filter);
            all.shared_subscriptions += filters.filter(|filter| shared(filter)).count() as u64;
            drop(owned);
            let (messages, bytes) = client.inbox().waiting();
            all.queued += messages as u64;
            all.queued_bytes += bytes as u64;
        }
        all
    }
}
