//! The children of a node in a tree of topics, by the name of their level.

use std::collections::HashMap;

/// Up to so many children are looked through one by one.
const FEW: usize = 8;

/// The children of a node in a tree of topics, by the name of their level.
///
/// Nearly all nodes have one child or a few, and a path has many nodes: a table for each of them would take most
/// of the tree's memory.
#[derive(Debug)]
pub(super) enum Children<N> {
    Few(Vec<(Box<str>, N)>),
    Many(HashMap<Box<str>, N>),
}

impl<N> Default for Children<N> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<N> Children<N> {
    pub(super) fn get(&self, name: &str) -> Option<&N> {
        match self {
            Self::Few(few) => few
                .iter()
                .find(|entry| *entry.0 == *name)
                .map(|entry| &entry.1),
            Self::Many(many) => many.get(name),
        }
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut N> {
        match self {
            Self::Few(few) => few
                .iter_mut()
                .find(|entry| *entry.0 == *name)
                .map(|entry| &mut entry.1),
            Self::Many(many) => many.get_mut(name),
        }
    }

    /// The child of this name, made if it is not there.
    pub(super) fn get_or_insert(&mut self, name: &str, make: impl FnOnce() -> N) -> Option<&mut N> {
        if self.get(name).is_none() {
            self.insert(name.into(), make());
        }
        self.get_mut(name)
    }

    fn insert(&mut self, name: Box<str>, child: N) {
        match self {
            Self::Few(few) if few.len() < FEW => {
                few.reserve_exact(1);
                few.push((name, child));
            }
            Self::Few(few) => {
                let all = std::mem::take(few).into_iter().chain([(name, child)]);
                *self = Self::Many(all.collect());
            }
            Self::Many(many) => {
                many.insert(name, child);
            }
        }
    }

    /// A tree that was large for a while gives its memory back.
    pub(super) fn remove(&mut self, name: &str) {
        match self {
            Self::Few(few) => {
                few.retain(|entry| *entry.0 != *name);
                few.shrink_to_fit();
            }
            Self::Many(many) => {
                many.remove(name);
                if many.len() <= FEW / 2 {
                    *self = Self::Few(std::mem::take(many).into_iter().collect());
                } else if many.len() * 4 < many.capacity() {
                    many.shrink_to_fit();
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(many) => many.is_empty(),
        }
    }

    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = (&str, &N)> + '_> {
        match self {
            Self::Few(few) => Box::new(few.iter().map(|entry| (&*entry.0, &entry.1))),
            Self::Many(many) => Box::new(many.iter().map(|entry| (&**entry.0, entry.1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn are_what_a_plain_map_would_be(
            steps in prop::collection::vec((any::<bool>(), 0_u8..24), 0..200),
        ) {
            let mut children = Children::default();
            let mut plain = BTreeMap::new();
            for (number, (insert, name)) in steps.into_iter().enumerate() {
                let name = name.to_string();
                if insert {
                    let child = *children.get_or_insert(&name, || number).unwrap();
                    prop_assert_eq!(child, *plain.entry(name).or_insert(number));
                } else {
                    children.remove(&name);
                    plain.remove(&name);
                }
                prop_assert_eq!(children.is_empty(), plain.is_empty());
                let all: BTreeMap<_, _> = children
                    .iter()
                    .map(|(name, child)| (name.to_owned(), *child))
                    .collect();
                prop_assert_eq!(&all, &plain);
                for name in plain.keys() {
                    prop_assert_eq!(children.get(name), plain.get(name));
                }
            }
        }
    }
}
