//! The last retained message of every topic.

use std::sync::Arc;
use std::time::Instant;

use super::children::Children;
use super::message::Message;
use super::tree::split;

/// Retained messages by topic, found by topic filters.
#[derive(Debug, Default)]
pub struct Retained {
    root: Node,
    len: usize,
    bytes: usize,
    /// How many of them expire.
    expiring: usize,
}

#[derive(Debug, Default)]
struct Node {
    children: Children<Self>,
    message: Option<Arc<Message>>,
}

impl Retained {
    /// Keeps `message` in place of the one its topic has; one without payload only removes that
    /// [MQTT-3.3.1-10].
    pub fn set(&mut self, message: Arc<Message>) {
        let old = if message.payload().is_empty() {
            self.root.remove(message.topic())
        } else {
            self.len += 1;
            self.bytes += message.frame().size();
            self.expiring += usize::from(message.expires().is_some());
            self.root.insert(message)
        };
        if let Some(old) = old {
            self.forget(&old);
        }
    }

    fn forget(&mut self, old: &Message) {
        self.len -= 1;
        self.bytes -= old.frame().size();
        self.expiring -= usize::from(old.expires().is_some());
    }

    /// Removes what is of no use any more, and says how many that were.
    pub fn remove_expired(&mut self, now: Instant) -> usize {
        if self.expiring == 0 {
            return 0;
        }
        let expired: Vec<_> = self
            .all()
            .into_iter()
            .filter(|message| message.has_expired(now))
            .collect();
        for message in &expired {
            if let Some(old) = self.root.remove(message.topic()) {
                self.forget(&old);
            }
        }
        expired.len()
    }

    /// Calls `found` with messages whose topic `filter` matches, until it has said yes to so many.
    pub fn find<'a>(
        &'a self,
        filter: &str,
        most: usize,
        mut found: impl FnMut(&'a Arc<Message>) -> bool,
    ) {
        let mut left = most;
        let mut take = |message| {
            left -= usize::from(found(message));
            left > 0
        };
        if most > 0 {
            self.root.find(Some(filter), true, &mut take);
        }
    }

    /// The message of a topic.
    pub fn get(&self, topic: &str) -> Option<&Arc<Message>> {
        let mut node = &self.root;
        for level in topic.split('/') {
            node = node.children.get(level)?;
        }
        node.message.as_ref()
    }

    /// Every message, those of `$` topics too.
    pub fn all(&self) -> Vec<Arc<Message>> {
        let mut all = Vec::with_capacity(self.len);
        self.root.each(&mut |message| {
            all.push(Arc::clone(message));
            true
        });
        all
    }

    /// How many messages are kept.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of topics and payloads.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Node {
    fn insert(&mut self, message: Arc<Message>) -> Option<Arc<Message>> {
        let mut node = self;
        for level in message.topic().split('/') {
            node = node.children.get_or_insert(level, Self::default)?;
        }
        node.message.replace(message)
    }

    fn remove(&mut self, topic: &str) -> Option<Arc<Message>> {
        let (level, rest) = split(topic);
        let child = self.children.get_mut(level)?;
        let removed = match rest {
            Some(rest) => child.remove(rest),
            None => child.message.take(),
        };
        if child.message.is_none() && child.children.is_empty() {
            self.children.remove(level);
        }
        removed
    }

    /// `filter` is what follows this node's level; `None` behind the last one. Ends when `found` says no, and then
    /// says no itself.
    fn find<'a>(
        &'a self,
        filter: Option<&str>,
        first: bool,
        found: &mut impl FnMut(&'a Arc<Message>) -> bool,
    ) -> bool {
        let Some(filter) = filter else {
            return self.message.iter().all(found);
        };
        let (level, rest) = split(filter);
        match level {
            "#" => {
                self.message.iter().all(&mut *found)
                    && self.children(first).all(|child| child.each(found))
            }
            "+" => self
                .children(first)
                .all(|child| child.find(rest, false, found)),
            name => self
                .children
                .get(name)
                .is_none_or(|child| child.find(rest, false, found)),
        }
    }

    /// The children that a wildcard stands for: at the first level none with `$` [MQTT-4.7.2-1].
    fn children(&self, first: bool) -> impl Iterator<Item = &Self> {
        self.children
            .iter()
            .filter(move |(name, _)| !(first && name.starts_with('$')))
            .map(|(_, child)| child)
    }

    fn each<'a>(&'a self, found: &mut impl FnMut(&'a Arc<Message>) -> bool) -> bool {
        self.message.iter().all(&mut *found)
            && self.children.iter().all(|(_, child)| child.each(found))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::{Forwarded, QoS, Text};
    use crate::topic;

    fn message(topic: &str, payload: &'static [u8]) -> Arc<Message> {
        let topic = Text::new(topic).unwrap();
        Arc::new(
            Message::new(
                &topic,
                &Forwarded::default(),
                &Bytes::from_static(payload),
                QoS::AtMostOnce,
                true,
            )
            .unwrap(),
        )
    }

    proptest! {
        #[test]
        fn finds_what_the_naive_matcher_matches(
            names in prop::collection::btree_set("(a|b|\\$x|)(/(a|b|)){0,4}", 0..24),
            filter in "(a|b|\\$x|\\+|)(/(a|b|\\+|)){0,3}(/#)?|#",
        ) {
            let names: Vec<_> = names.into_iter().filter(|name| topic::validate_name(name).is_ok()).collect();
            prop_assume!(topic::validate_filter(&filter).is_ok());
            let mut retained = Retained::default();
            for name in &names {
                retained.set(message(name, b"x"));
            }
            let mut found = Vec::new();
            retained.find(&filter, usize::MAX, |message| {
                found.push(message.topic().to_string());
                true
            });
            let mut two = 0;
            retained.find(&filter, 2, |_| {
                two += 1;
                true
            });
            prop_assert_eq!(two, found.len().min(2));
            found.sort_unstable();
            let expected: Vec<_> = names.iter().filter(|name| topic::matches(&filter, name)).cloned().collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(retained.len(), names.len());
        }
    }

    #[test]
    fn an_empty_payload_removes_and_leaves_nothing_behind() {
        let mut retained = Retained::default();
        retained.set(message("a/b/c", b"1"));
        retained.set(message("a/b/c", b"22"));
        assert_eq!((retained.len(), retained.bytes()), (1, 7));
        retained.set(message("a/b", b""));
        retained.set(message("a/b/c", b""));
        assert_eq!((retained.len(), retained.bytes()), (0, 0));
        assert!(retained.root.children.is_empty());
    }
}
