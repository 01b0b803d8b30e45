//! When the durable state is read and written, and what the log says of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::error::ServerError;
use super::migration;
use super::serve::publish_wills;
use super::shared::Shared;
use crate::config::{Autosave, Persistence, Protocol};
use crate::log::LogType;
use crate::router::Ended;
use crate::store::{self, Context, ListenerName, Loaded, Snapshot};

/// Decides when to save by itself.
#[derive(Debug)]
pub(super) struct Autosaver {
    last: Instant,
}

impl Autosaver {
    pub(super) fn new() -> Self {
        Self {
            last: Instant::now(),
        }
    }

    /// Whether it is time to save. Without a change since the last time there is nothing to write, and an SD
    /// card is spared.
    pub(super) fn is_due(&self, persistence: &Persistence, changes: u64) -> bool {
        persistence.enabled
            && changes > 0
            && match persistence.autosave {
                Autosave::Off => false,
                Autosave::Every(interval) => self.last.elapsed() >= interval,
                Autosave::Changes(count) => changes >= count.get().into(),
            }
    }

    pub(super) fn saved(&mut self) {
        self.last = Instant::now();
    }
}

/// Reads the state from the last run.
pub(super) fn restore(shared: &Shared, persistence: &Persistence) -> Result<(), ServerError> {
    if !persistence.enabled {
        return Ok(());
    }
    let path = persistence.path();
    let context = context(shared);
    match store::load(&path, &context)? {
        Loaded::Absent => {}
        Loaded::Whole(Snapshot { retained, sessions }) => {
            let (messages, clients) = (retained.len(), sessions.len());
            for message in retained {
                shared.router.restore_retained(message);
            }
            for session in sessions {
                shared.router.restore_session(session);
            }
            let path = path.display();
            shared.log.log(
                LogType::Information,
                format_args!(
                    "Restored {messages} retained messages and {clients} sessions from {path}."
                ),
            );
        }
        Loaded::Mosquitto { aside } => migration::tell(shared, &path, &aside),
        Loaded::Damaged { why, aside } => {
            let path = path.display();
            let kept = match aside {
                Ok(aside) => format!("It is kept as {}.", aside.display()),
                Err(error) => format!(
                    "It could not be moved out of the way ({error}) and will be overwritten."
                ),
            };
            shared.log.log(
                LogType::Error,
                format_args!(
                    "Error: the saved state in {path} is lost: {why}. {kept} \
                     Starting without retained messages and sessions."
                ),
            );
        }
    }
    Ok(())
}

fn context(shared: &Shared) -> Context {
    let settings = shared.settings();
    let listeners = settings.listeners.numbered();
    let served = listeners.filter(|(_, rules)| rules.protocol == Protocol::Mqtt);
    let named = served.map(|(number, rules)| ListenerName {
        number,
        name: rules.name.clone(),
        scope: Arc::clone(&rules.scope),
    });
    Context::now(named.collect())
}

/// Writes the state, on a thread where waiting for the disk holds up nobody.
pub(super) async fn save(shared: &Arc<Shared>, persistence: &Persistence) {
    if !persistence.enabled {
        return;
    }
    let path = persistence.path();
    shared.log.log(
        LogType::Information,
        format_args!("Saving in-memory database to {}.", path.display()),
    );
    // Before the picture is taken: what comes while it is taken is saved next time.
    let changes = shared.counters.changes.swap(0, Ordering::Relaxed);
    let theirs = Arc::clone(shared);
    let saved = tokio::task::spawn_blocking(move || {
        let context = context(&theirs);
        store::save(&Snapshot::of(&theirs.router), &path, &context)
    })
    .await;
    let problem = match saved {
        Ok(Ok(())) => return,
        Ok(Err(error)) => ServerError::from(error).with_causes(),
        Err(error) => error.to_string(),
    };
    shared
        .counters
        .changes
        .fetch_add(changes, Ordering::Relaxed);
    shared
        .log
        .log(LogType::Error, format_args!("Error: {problem}."));
}

/// Ends what has waited for too long: sessions, and wills that are to be published now.
pub(super) fn expire(shared: &Shared) {
    let settings = shared.settings();
    let now = Instant::now();
    publish_wills(shared, &shared.router.due_wills(now), &settings);
    let ended = shared.router.expire(settings.expiration, settings.delivery);
    if !ended.is_empty() {
        shared.counters.changes.fetch_add(1, Ordering::Relaxed);
    }
    for Ended { client, .. } in &ended {
        shared.counters.expired.fetch_add(1, Ordering::Relaxed);
        let id = &client.identity().client_id;
        shared.notice(format_args!("Expiring client {id} due to timeout."));
    }
    publish_wills(shared, &ended, &settings);
}

/// How often the broker looks whether something is to be saved or has expired.
pub(super) const LOOK_AROUND: Duration = Duration::from_secs(1);
