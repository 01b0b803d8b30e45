//! The messages of quality of service 2 that a client has sent and not released yet.

use std::collections::BTreeMap;

use crate::codec::PacketId;

/// The messages of quality of service 2 that came and were not released yet.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// By identifier, and whether they came on the connection of now: only those count for its Receive Maximum,
    /// which is not a part of the session (section 4.9 of version 5).
    ids: BTreeMap<PacketId, bool>,
    now: usize,
}

impl Received {
    /// Whether the message came before.
    pub(super) fn contains(&self, id: PacketId) -> bool {
        self.ids.contains_key(&id)
    }

    /// A message came on the connection of now, for the first time or again.
    pub(super) fn insert(&mut self, id: PacketId) {
        if self.ids.insert(id, true) != Some(true) {
            self.now += 1;
        }
    }

    /// Says whether it was there.
    pub(super) fn remove(&mut self, id: PacketId) -> bool {
        let removed = self.ids.remove(&id);
        self.now -= usize::from(removed == Some(true));
        removed.is_some()
    }

    /// The client has a new connection.
    pub(super) fn reconnect(&mut self) {
        self.ids.values_mut().for_each(|now| *now = false);
        self.now = 0;
    }

    /// How many came on the connection of now.
    pub(super) fn now(&self) -> usize {
        self.now
    }

    /// The identifiers of all.
    pub(super) fn ids(&self) -> impl Iterator<Item = PacketId> {
        self.ids.keys().copied()
    }

    /// Puts one back that was there before a restart.
    pub(super) fn restore(&mut self, id: PacketId) {
        self.ids.insert(id, false);
    }
}
