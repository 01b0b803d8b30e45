//! What a client has subscribed to.

use std::num::NonZeroU32;

use crate::codec::{QoS, SubscriptionOptions, Text};

/// What a client has subscribed to with one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// How messages are sent.
    pub options: SubscriptionOptions,
    /// The identifier that they carry.
    pub number: Option<NonZeroU32>,
}

impl From<QoS> for Granted {
    fn from(qos: QoS) -> Self {
        Self {
            options: qos.into(),
            number: None,
        }
    }
}

/// The subscriptions of one client, sorted by filter.
///
/// Nearly all clients have a few, and thousands of clients have one: a tree would take more memory for that one
/// than all the rest of the session.
#[derive(Debug, Default)]
pub struct Subscriptions {
    all: Vec<(Text, Granted)>,
    /// The levels of all filters together.
    levels: usize,
}

/// The most subscriptions of a client. Each of them is looked at for each message that it matches.
const MOST: usize = 10_000;

/// The most levels of all filters of a client together: each takes some hundred bytes.
const MOST_LEVELS: usize = 65_536;

fn levels(filter: &str) -> usize {
    filter.split('/').count()
}

impl Subscriptions {
    /// Files a subscription, and returns the one that its filter had before.
    pub(super) fn insert(&mut self, filter: Text, granted: Granted) -> Option<Granted> {
        match self.position(&filter) {
            Ok(index) => Some(std::mem::replace(&mut self.all[index].1, granted)),
            Err(index) => {
                self.levels += levels(&filter);
                self.all.reserve_exact(usize::from(self.all.is_empty()));
                self.all.insert(index, (filter, granted));
                None
            }
        }
    }

    /// Removes the subscription of a filter, if it has one.
    pub(super) fn remove(&mut self, filter: &str) -> Option<Granted> {
        let index = self.position(filter).ok()?;
        self.levels -= levels(filter);
        Some(self.all.remove(index).1)
    }

    /// Every filter with its subscription, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, Granted)> {
        self.all.iter().map(|(filter, granted)| (filter, *granted))
    }

    /// Whether a client has this one.
    pub fn has(&self, filter: &str) -> bool {
        self.position(filter).is_ok()
    }

    /// Whether a client may have this one too.
    pub fn has_room_for(&self, filter: &str) -> bool {
        self.has(filter) || self.all.len() < MOST && self.levels + levels(filter) <= MOST_LEVELS
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn position(&self, filter: &str) -> Result<usize, usize> {
        self.all
            .binary_search_by(|entry| entry.0.as_str().cmp(filter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_one_subscription() {
        let text = |text: &str| Text::new(text).unwrap();
        let mut all = Subscriptions::default();
        for (filter, qos, before) in [
            ("b", QoS::AtMostOnce, None),
            ("a", QoS::AtLeastOnce, None),
            ("b", QoS::ExactlyOnce, Some(QoS::AtMostOnce)),
        ] {
            assert_eq!(
                all.insert(text(filter), qos.into()),
                before.map(Granted::from)
            );
        }
        let filters: Vec<_> = all.iter().map(|(filter, _)| filter.as_str()).collect();
        assert_eq!(filters, ["a", "b"]);
        assert_eq!(all.remove("b"), Some(QoS::ExactlyOnce.into()));
        assert_eq!(all.remove("b"), None);
        assert_eq!((all.len(), all.levels), (1, 1));
    }

    #[test]
    fn a_client_has_so_many_subscriptions_and_so_many_levels_at_most() {
        let text = |text: String| Text::new(&text).unwrap();
        let mut all = Subscriptions::default();
        for number in 0..MOST {
            assert!(all.has_room_for("next"));
            all.insert(text(number.to_string()), QoS::AtMostOnce.into());
        }
        assert!(!all.has_room_for("next"));
        assert!(all.has_room_for("7"), "it has that one already");
        let deep = "a/".repeat(99);
        let mut all = Subscriptions::default();
        let count = (0..MOST)
            .take_while(|number| {
                let filter = text(format!("{deep}{number}"));
                let room = all.has_room_for(&filter);
                all.insert(filter, QoS::AtMostOnce.into());
                room
            })
            .count();
        assert_eq!(count, MOST_LEVELS / 100);
    }
}
