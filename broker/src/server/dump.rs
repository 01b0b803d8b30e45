//! What SIGUSR2 asks for: the clients and the tree of subscriptions, into the log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;

use super::closing::bit;
use super::shared::Shared;
use crate::codec::{QoS, Text};
use crate::router::{Client, SessionExpiry};

/// The most clients and the most filters that are listed: both together fit into the log's queue.
const MAX_LINES: usize = 1000;

/// The most subscribers that are named behind a filter.
const MAX_SUBSCRIBERS: usize = 10;

/// The most characters of a name.
const MAX_NAME: usize = 80;

/// Logs who is there and who wants what, each in order of its name and up to a bound.
pub(super) fn dump(shared: &Shared) {
    let router = &shared.router;
    let (retained, bytes) = router.retained_size();
    let mut clients = router.clients_now();
    clients.sort_unstable_by(|one, other| id(one).cmp(id(other)));
    shared.notice(format_args!(
        "{} sessions, {} of them connected, {} subscriptions, {retained} retained messages ({bytes} bytes).",
        clients.len(),
        shared.counters.clients.load(Ordering::Relaxed),
        router.subscription_count(),
    ));
    let mut filters = Filters::default();
    for (number, client) in clients.iter().enumerate() {
        if number < MAX_LINES {
            describe(shared, client);
        }
        filters.add(client);
    }
    rest(shared, clients.len().saturating_sub(MAX_LINES), "sessions");
    for (filter, subscribers) in &filters.first {
        shared.notice(format_args!("\t{}: {subscribers}", Short(filter)));
    }
    rest(shared, filters.more, "subscriptions to other filters");
}

fn id(client: &Client) -> &Text {
    &client.identity().client_id
}

fn describe(shared: &Shared, client: &Client) {
    let user = client.identity().username.as_deref();
    let user = user
        .map(|name| format!(" u'{}'", Short(name)))
        .unwrap_or_default();
    let owned = client.owned();
    let (in_flight, subscriptions) = (
        owned.session.outgoing.window().count(),
        owned.subscriptions().len(),
    );
    drop(owned);
    let inbox = client.inbox();
    let place = if inbox.is_attached() {
        "connected"
    } else {
        "away"
    };
    let (waiting, bytes) = inbox.waiting();
    drop(inbox);
    shared.notice(format_args!(
        "Session {} (c{}{user}) {place}: {subscriptions} subscriptions, {waiting} messages waiting ({bytes} bytes), \
         {in_flight} in flight.",
        Short(id(client)),
        bit(client.expiry() == SessionExpiry::AT_ONCE),
    ));
}

fn rest(shared: &Shared, number: usize, of: &str) {
    if number > 0 {
        shared.notice(format_args!("... and {number} more {of}."));
    }
}

/// The first filters in order, and who subscribed to them.
#[derive(Debug, Default)]
struct Filters {
    first: BTreeMap<Text, Subscribers>,
    /// Subscriptions to filters that found no room.
    more: usize,
}

#[derive(Debug, Default)]
struct Subscribers {
    named: Vec<(Text, QoS)>,
    more: usize,
}

impl Filters {
    fn add(&mut self, client: &Client) {
        let owned = client.owned();
        for (filter, granted) in owned.subscriptions() {
            let subscribers = self.first.entry(filter.clone()).or_default();
            if subscribers.named.len() < MAX_SUBSCRIBERS {
                subscribers
                    .named
                    .push((id(client).clone(), granted.options.qos));
            } else {
                subscribers.more += 1;
            }
            if self.first.len() > MAX_LINES {
                let last = self.first.pop_last();
                self.more += last.map_or(0, |(_, gone)| gone.named.len() + gone.more);
            }
        }
    }
}

impl fmt::Display for Subscribers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (id, qos)) in self.named.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{} (QoS {qos})", Short(id))?;
        }
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        Ok(())
    }
}

/// A name, cut where it would fill the log.
struct Short<'a>(&'a str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MAX_NAME) {
            Some((end, _)) => write!(f, "{}...", &self.0[..end]),
            None => f.write_str(self.0),
        }
    }
}
