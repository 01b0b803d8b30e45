//! What the service manager is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use super::shared::Shared;
use crate::log::LogType;

/// Tells the service manager; without one nobody is told.
pub(super) fn tell(shared: &Shared, states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        shared.log.log(
            LogType::Warning,
            format_args!("Warning: the service manager cannot be told: {error}"),
        );
    }
}

/// A reload begins; systemd wants to know since when.
pub(super) fn reloading(shared: &Shared) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(shared, &[NotifyState::Reloading, now]),
        Err(_no_clock) => tell(shared, &[NotifyState::Reloading]),
    }
}

/// What `systemctl status` shows of the broker.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// The clients and sessions that were told last.
    told: Option<(usize, usize)>,
}

impl Status {
    /// Tells how many clients there are, if that has changed.
    pub(super) fn tell(&mut self, shared: &Shared) {
        let connected = shared.counters.clients.load(Ordering::Relaxed);
        let now = (connected, shared.router.session_count());
        if self.told == Some(now) {
            return;
        }
        self.told = Some(now);
        let (connected, sessions) = now;
        let clients = if connected == 1 { "client" } else { "clients" };
        let away = sessions.saturating_sub(connected);
        let text = format!("{connected} {clients} connected, {away} away");
        tell(shared, &[NotifyState::Status(&text)]);
    }
}

/// The watchdog's interval, if the service manager watches.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// Shows signs of life, twice per interval, for ever.
///
/// It runs as a task beside those of the clients and takes the router's locks: if tasks no longer run, or a
/// lock is never given back, the signs end and the service manager acts.
pub(super) async fn keep_alive(shared: Arc<Shared>, limit: Duration) {
    let mut ticks = interval((limit / 2).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.router.session_count();
        shared.router.subscription_count();
        tell(&shared, &[NotifyState::Watchdog]);
    }
}
