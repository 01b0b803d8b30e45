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
pub struct Subscriptions(Vec<(Text, Granted)>);

impl Subscriptions {
    /// Files a subscription, and returns the one that its filter had before.
    pub(super) fn insert(&mut self, filter: Text, granted: Granted) -> Option<Granted> {
        match self.position(&filter) {
            Ok(index) => Some(std::mem::replace(&mut self.0[index].1, granted)),
            Err(index) => {
                self.0.reserve_exact(usize::from(self.0.is_empty()));
                self.0.insert(index, (filter, granted));
                None
            }
        }
    }

    /// Removes the subscription of a filter, if it has one.
    pub(super) fn remove(&mut self, filter: &str) -> Option<Granted> {
        let index = self.position(filter).ok()?;
        Some(self.0.remove(index).1)
    }

    /// Every filter with its subscription, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, Granted)> {
        self.0.iter().map(|(filter, granted)| (filter, *granted))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, filter: &str) -> Result<usize, usize> {
        self.0
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
        assert_eq!(all.len(), 1);
    }
}
