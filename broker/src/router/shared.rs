//! Shared subscriptions: each message goes to one member of a group (section 4.8.2 of version 5).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::client::Client;
use super::inbox::Inbox;
use super::subscription::Granted;
use super::tree::Tree;
use crate::codec::Text;
use crate::topic;

/// All groups, found by the topics that their filters match.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// By the whole filter, `$share/GROUP/FILTER`: each pair of group and filter is one subscription.
    by_filter: HashMap<Text, Arc<Group>>,
    tree: Tree<Arc<Group>>,
    next_number: u64,
}

/// Those who share a subscription.
#[derive(Debug)]
pub(super) struct Group {
    number: u64,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    list: Vec<Member>,
    /// Whose turn it is.
    next: usize,
}

#[derive(Debug)]
struct Member {
    client: Arc<Client>,
    granted: Granted,
}

impl Groups {
    /// Makes a client a member, or gives it other options if it is one.
    pub(super) fn join(&mut self, filter: &Text, client: &Arc<Client>, granted: Granted) {
        let Some((_, inner)) = topic::shared(filter) else {
            return;
        };
        let next_number = &mut self.next_number;
        let tree = &mut self.tree;
        let group = self.by_filter.entry(filter.clone()).or_insert_with(|| {
            let group = Arc::new(Group {
                number: *next_number,
                members: Mutex::default(),
            });
            *next_number += 1;
            tree.insert(inner, group.number, Arc::clone(&group));
            group
        });
        let mut members = group.members();
        match members.position(client.number) {
            Some(index) => members.list[index].granted = granted,
            None => members.list.push(Member {
                client: Arc::clone(client),
                granted,
            }),
        }
    }

    /// Ends a client's membership. A group without members is gone.
    pub(super) fn leave(&mut self, filter: &str, client: u64) {
        let Some(group) = self.by_filter.get(filter) else {
            return;
        };
        let mut members = group.members();
        if let Some(index) = members.position(client) {
            members.list.remove(index);
        }
        if !members.list.is_empty() {
            return;
        }
        drop(members);
        let number = group.number;
        if let Some((_, inner)) = topic::shared(filter) {
            self.tree.remove(inner, number);
        }
        self.by_filter.remove(filter);
    }

    /// Calls `found` with every group whose filter matches `topic`.
    pub(super) fn find(&self, topic: &str, mut found: impl FnMut(&Group)) {
        if !self.tree.is_empty() {
            self.tree.find(topic, |_, group| found(group));
        }
    }
}

impl Group {
    fn members(&self) -> std::sync::MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose turn it is among those that may have the message: one that is connected and has room for it, else one
    /// that is away and keeps its session, else any.
    pub(super) fn choose(
        &self,
        may: impl Fn(&Client) -> bool,
        has_room: impl Fn(&Inbox) -> bool,
    ) -> Option<(Arc<Client>, Granted)> {
        let mut members = self.members();
        let count = members.list.len();
        let mut best: Option<(u8, usize)> = None;
        for step in 0..count {
            let index = (members.next + step) % count;
            let member = &members.list[index];
            if !may(&member.client) {
                continue;
            }
            let inbox = member.client.inbox();
            let rank = match (has_room(&inbox), inbox.is_attached()) {
                (true, true) => 0,
                (true, false) => 1,
                (false, _) => 2,
            };
            if best.is_none_or(|(best, _)| rank < best) {
                best = Some((rank, index));
            }
            if rank == 0 {
                break;
            }
        }
        let (_, index) = best?;
        members.next = (index + 1) % count;
        let member = &members.list[index];
        Some((Arc::clone(&member.client), member.granted))
    }
}

impl Members {
    fn position(&self, client: u64) -> Option<usize> {
        self.list
            .iter()
            .position(|member| member.client.number == client)
    }
}
