//! The listeners that are open: what a reload leaves alone, opens, and closes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::task::JoinHandle;

use super::activation::Passed;
use super::error::ServerError;
use super::listener::{self, Bound, Open};
use super::settings::{ListenerRules, Listeners};
use super::setup;
use super::shared::Shared;
use super::socket_file::SocketFile;
use crate::config::{Endpoint, Listener};
use crate::log::{LogType, Logger};

/// All listeners that are open.
#[derive(Debug)]
pub(super) struct Sockets {
    slots: Vec<Slot>,
    /// Numbers are not given twice: what a connection or a session knows of its listener stays true.
    next_number: usize,
    passed: Passed,
}

/// One listener with its sockets.
#[derive(Debug)]
struct Slot {
    number: usize,
    endpoint: Endpoint,
    encrypted: bool,
    sockets: Vec<Arc<Bound>>,
    /// Its connections, over all of its sockets.
    connections: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

/// The listeners as they will be, all of them open, before anybody is served by them.
#[derive(Debug)]
pub(super) struct Change {
    /// In the order of the configuration.
    wanted: Vec<Wanted>,
    /// Where sockets were closed to make room for others.
    closed: Vec<(usize, Endpoint)>,
}

#[derive(Debug)]
enum Wanted {
    /// The listener with this number, as it is.
    Same(usize),
    /// The sockets of the listener with this number, for a new one: connections of the old are not what its
    /// rules are about.
    Again(usize, Slot),
    New(Slot),
}

impl Wanted {
    fn number(&self) -> usize {
        match self {
            Self::Same(number) => *number,
            Self::Again(_, slot) | Self::New(slot) => slot.number,
        }
    }
}

impl Change {
    /// The names of Unix sockets that it has made.
    pub(super) fn socket_files(&self) -> impl Iterator<Item = &SocketFile> {
        let new = self.wanted.iter().filter_map(|wanted| match wanted {
            Wanted::New(slot) => Some(slot),
            Wanted::Same(_) | Wanted::Again(..) => None,
        });
        new.flat_map(|slot| &slot.sockets)
            .filter_map(|socket| match &**socket {
                Bound::Unix(_, file) => file.as_ref(),
                Bound::Tcp(_) => None,
            })
    }

    /// The rules of the listeners, which are in the order of the configuration, by number.
    pub(super) fn number(&self, rules: Vec<ListenerRules>) -> Listeners {
        let numbers = self.wanted.iter().map(Wanted::number);
        numbers.zip(rules).collect()
    }
}

impl Sockets {
    /// None are open; those that the service manager has passed will be used for the listeners they fit.
    pub(super) fn new(passed: Passed) -> Self {
        Self {
            slots: Vec::new(),
            next_number: 0,
            passed,
        }
    }

    /// Opens what is wanted and not open yet. To be called within the runtime.
    ///
    /// # Errors
    ///
    /// If a listener can't be opened; then all are as they were.
    pub(super) async fn prepare(
        &mut self,
        listeners: &[Listener],
        log: &Logger,
    ) -> Result<Change, ServerError> {
        let mut change = Change {
            wanted: Vec::new(),
            closed: Vec::new(),
        };
        for listener in listeners {
            match self.want(listener, listeners, &mut change, log).await {
                Ok(wanted) => change.wanted.push(wanted),
                Err(error) => {
                    self.undo(change, log).await;
                    return Err(error);
                }
            }
        }
        Ok(change)
    }

    async fn want(
        &mut self,
        listener: &Listener,
        all: &[Listener],
        change: &mut Change,
        log: &Logger,
    ) -> Result<Wanted, ServerError> {
        let encrypted = listener.tls.is_some();
        let endpoint = &listener.endpoint;
        let mut slots = self.slots.iter();
        let Some(index) = slots.position(|slot| slot.endpoint == *endpoint) else {
            let sockets = self.open_somehow(endpoint, all, change, log).await?;
            return Ok(Wanted::New(self.slot(listener, sockets)));
        };
        if self.slots[index].sockets.is_empty() {
            // It was closed to make room in a change that failed, and could not be opened again then.
            self.slots[index].sockets = self.open_somehow(endpoint, all, change, log).await?;
        }
        let slot = &self.slots[index];
        if slot.encrypted == encrypted {
            return Ok(Wanted::Same(slot.number));
        }
        let (before, sockets) = (slot.number, slot.sockets.clone());
        Ok(Wanted::Again(before, self.slot(listener, sockets)))
    }

    /// Opens the sockets of a listener, if need be in the place of others that are to go.
    async fn open_somehow(
        &mut self,
        endpoint: &Endpoint,
        all: &[Listener],
        change: &mut Change,
        log: &Logger,
    ) -> Result<Vec<Arc<Bound>>, ServerError> {
        match self.open(endpoint, log).await {
            // One that is to go may be what is in the way: all addresses, where one was asked for before.
            Err(ServerError::Listen { source, .. })
                if source.kind() == io::ErrorKind::AddrInUse
                    && self.make_room(endpoint, all, change).await =>
            {
                self.open(endpoint, log).await
            }
            outcome => outcome,
        }
    }

    async fn open(
        &mut self,
        endpoint: &Endpoint,
        log: &Logger,
    ) -> Result<Vec<Arc<Bound>>, ServerError> {
        let addresses = listener::addresses(endpoint).await;
        let known = addresses.as_deref().unwrap_or_default();
        match self.passed.take(endpoint, known, log) {
            Some(sockets) => Ok(sockets),
            None => listener::open(endpoint, addresses?, log),
        }
    }

    fn slot(&mut self, listener: &Listener, sockets: Vec<Arc<Bound>>) -> Slot {
        let number = self.next_number;
        self.next_number += 1;
        Slot {
            number,
            endpoint: listener.endpoint.clone(),
            encrypted: listener.tls.is_some(),
            sockets,
            connections: Arc::default(),
            tasks: Vec::new(),
        }
    }

    /// Closes the sockets at the same port that are wanted no more; whether there were any.
    async fn make_room(
        &mut self,
        wanted: &Endpoint,
        all: &[Listener],
        change: &mut Change,
    ) -> bool {
        let mut any = false;
        for slot in &mut self.slots {
            let stays = all.iter().any(|other| other.endpoint == slot.endpoint);
            if !stays && slot.endpoint.port() == wanted.port() && !slot.sockets.is_empty() {
                change.closed.push((slot.number, slot.endpoint.clone()));
                self.passed.give_back(&slot.sockets);
                slot.close().await;
                any = true;
            }
        }
        any
    }

    /// Gives up a change: what was opened closes, what was closed opens again.
    pub(super) async fn undo(&mut self, change: Change, log: &Logger) {
        for wanted in change.wanted {
            if let Wanted::New(slot) = wanted {
                self.passed.give_back(&slot.sockets);
            }
        }
        for (number, endpoint) in change.closed {
            let opened = self.open(&endpoint, log).await;
            let slot = self.slots.iter_mut().find(|slot| slot.number == number);
            match (slot, opened) {
                (Some(slot), Ok(sockets)) => slot.sockets = sockets,
                (None, _) => {}
                (Some(_), Err(error)) => {
                    let error = error.with_causes();
                    log.log(LogType::Error, format_args!("Error: {error}."));
                }
            }
        }
    }

    /// Closes the listeners that are not wanted any more, and accepts connections at all others. To be called
    /// when the rules for them are in force.
    pub(super) async fn complete(&mut self, change: Change, shared: &Arc<Shared>) {
        let mut before = std::mem::take(&mut self.slots);
        for wanted in change.wanted {
            let take = |before: &mut Vec<Slot>, number| {
                let index = before.iter().position(|slot| slot.number == number)?;
                Some(before.swap_remove(index))
            };
            match wanted {
                Wanted::Same(number) => self.slots.extend(take(&mut before, number)),
                Wanted::New(slot) => self.slots.push(slot),
                Wanted::Again(number, slot) => {
                    if let Some(mut old) = take(&mut before, number) {
                        old.close().await;
                    }
                    self.slots.push(slot);
                }
            }
        }
        for mut slot in before {
            let place = setup::place(&slot.endpoint);
            shared.log.log(
                LogType::Information,
                format_args!("Closing listen sockets on {place}."),
            );
            self.passed.give_back(&slot.sockets);
            slot.close().await;
        }
        self.serve(shared);
    }

    /// Accepts connections where nobody does yet.
    pub(super) fn serve(&mut self, shared: &Arc<Shared>) {
        for slot in &mut self.slots {
            if slot.tasks.is_empty() {
                slot.tasks = slot
                    .sockets
                    .iter()
                    .map(|socket| {
                        let open = Open {
                            socket: Arc::clone(socket),
                            number: slot.number,
                            connections: Arc::clone(&slot.connections),
                        };
                        tokio::spawn(listener::accept(open, Arc::clone(shared)))
                    })
                    .collect();
            }
        }
    }

    /// Says which sockets were passed in vain.
    pub(super) fn warn(&self, log: &Logger) {
        self.passed.warn(log);
    }

    /// Closes all.
    pub(super) async fn close(&mut self) {
        for slot in &mut self.slots {
            slot.close().await;
        }
    }
}

impl Slot {
    /// Accepts no more connections, and gives up the sockets.
    async fn close(&mut self) {
        self.sockets.clear();
        for task in self.tasks.drain(..) {
            task.abort();
            // Until it has ended, it has the socket.
            let _ = task.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, LogSettings};

    #[tokio::test]
    async fn a_listener_whose_sockets_were_lost_is_opened_again() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let config = Config::parse("f", &format!("listener {port} 127.0.0.1\n")).unwrap();
        let log = Logger::new(&LogSettings {
            destinations: Vec::new(),
            ..LogSettings::default()
        })
        .unwrap();
        let mut sockets = Sockets::new(Passed::default());
        let change = sockets.prepare(&config.listeners, &log).await.unwrap();
        for wanted in change.wanted {
            if let Wanted::New(slot) = wanted {
                sockets.slots.push(slot);
            }
        }
        // As after a change that took the port and could not give it back.
        sockets.slots[0].close().await;
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
        let change = sockets.prepare(&config.listeners, &log).await.unwrap();
        let number = sockets.slots[0].number;
        assert!(matches!(change.wanted[..], [Wanted::Same(same)] if same == number));
        std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    }
}
