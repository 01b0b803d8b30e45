//! Topic filters as a tree, level by level.

use super::children::Children;

/// Values filed under topic filters, and found by topic names.
///
/// Under one filter a key holds one value. Filters and names have to be valid ones (see [`crate::topic`]),
/// which also bounds the depth: matching recurses once per level.
#[derive(Debug)]
pub struct Tree<V> {
    root: Node<V>,
    len: usize,
}

#[derive(Debug)]
struct Node<V> {
    children: Children<Self>,
    /// What follows a `+` at this place.
    plus: Option<Box<Self>>,
    /// The filters that end with `#` at this place.
    hash: Entries<V>,
    /// The filters that end here.
    here: Entries<V>,
}

/// Sorted by key, so that one of thousands under the same filter is found without a walk.
type Entries<V> = Vec<(u64, V)>;

impl<V> Default for Tree<V> {
    fn default() -> Self {
        Self {
            root: Node::new(),
            len: 0,
        }
    }
}

impl<V> Tree<V> {
    /// Files `value` under `filter` for `key`, in place of the value it may have there.
    pub fn insert(&mut self, filter: &str, key: u64, value: V) {
        let mut node = &mut self.root;
        for level in filter.split('/') {
            match level {
                "#" => {
                    self.len += insert(&mut node.hash, key, value);
                    return;
                }
                "+" => node = node.plus.get_or_insert_with(|| Box::new(Node::new())),
                name => {
                    let Some(child) = node.children.get_or_insert(name, Node::new) else {
                        return;
                    };
                    node = child;
                }
            }
        }
        self.len += insert(&mut node.here, key, value);
    }

    /// Removes what `key` has under `filter`, and says whether there was something.
    pub fn remove(&mut self, filter: &str, key: u64) -> bool {
        let removed = self.root.remove(filter, key);
        self.len -= usize::from(removed);
        removed
    }

    /// Calls `found` with every value filed under a filter that matches `topic`.
    ///
    /// A key with several matching filters is found several times.
    pub fn find<'a>(&'a self, topic: &str, mut found: impl FnMut(u64, &'a V)) {
        // [MQTT-4.7.2-1]: no leading wildcard matches a topic that begins with `$`.
        if topic.starts_with('$') {
            let (level, rest) = split(topic);
            if let Some(child) = self.root.children.get(level) {
                child.find(rest, &mut found);
            }
        } else {
            self.root.find(Some(topic), &mut found);
        }
    }

    /// How many values are filed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is filed.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<V> Node<V> {
    fn new() -> Self {
        Self {
            children: Children::default(),
            plus: None,
            hash: Vec::new(),
            here: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.children.is_empty()
            && self.plus.is_none()
            && self.hash.is_empty()
            && self.here.is_empty()
    }

    /// `topic` is what follows this node's level; `None` behind the last one.
    fn find<'a>(&'a self, topic: Option<&str>, found: &mut impl FnMut(u64, &'a V)) {
        // Also behind the last level: "sport/#" matches "sport" (section 4.7.1.2).
        report(&self.hash, found);
        let Some(topic) = topic else {
            return report(&self.here, found);
        };
        let (level, rest) = split(topic);
        if let Some(child) = self.children.get(level) {
            child.find(rest, found);
        }
        if let Some(plus) = &self.plus {
            plus.find(rest, found);
        }
    }

    fn remove(&mut self, filter: &str, key: u64) -> bool {
        let (level, rest) = split(filter);
        if level == "#" {
            return remove(&mut self.hash, key);
        }
        let Some(child) = (match level {
            "+" => self.plus.as_deref_mut(),
            name => self.children.get_mut(name),
        }) else {
            return false;
        };
        let removed = match rest {
            Some(rest) => child.remove(rest, key),
            None => remove(&mut child.here, key),
        };
        if child.is_empty() {
            match level {
                "+" => self.plus = None,
                name => self.children.remove(name),
            }
        }
        removed
    }
}

/// The first level, and what is behind its separator.
pub(super) fn split(topic: &str) -> (&str, Option<&str>) {
    match topic.split_once('/') {
        Some((level, rest)) => (level, Some(rest)),
        None => (topic, None),
    }
}

fn report<'a, V>(entries: &'a Entries<V>, found: &mut impl FnMut(u64, &'a V)) {
    for (key, value) in entries {
        found(*key, value);
    }
}

/// Returns by how much the number of entries grew.
fn insert<V>(entries: &mut Entries<V>, key: u64, value: V) -> usize {
    match entries.binary_search_by_key(&key, |entry| entry.0) {
        Ok(index) => {
            entries[index].1 = value;
            0
        }
        Err(index) => {
            entries.reserve_exact(usize::from(entries.is_empty()));
            entries.insert(index, (key, value));
            1
        }
    }
}

fn remove<V>(entries: &mut Entries<V>, key: u64) -> bool {
    match entries.binary_search_by_key(&key, |entry| entry.0) {
        Ok(index) => {
            entries.remove(index);
            true
        }
        Err(_absent) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::topic;

    fn filter() -> impl Strategy<Value = String> {
        "(a|b|\\$x|\\+|)(/(a|b|\\+|)){0,3}(/#)?|#".prop_filter("a valid filter", |text| {
            topic::validate_filter(text).is_ok()
        })
    }

    fn name() -> impl Strategy<Value = String> {
        "(a|b|\\$x|)(/(a|b|)){0,4}"
            .prop_filter("a valid name", |text| topic::validate_name(text).is_ok())
    }

    fn found(tree: &Tree<usize>, topic: &str) -> Vec<(u64, usize)> {
        let mut found = Vec::new();
        tree.find(topic, |key, value| found.push((key, *value)));
        found.sort_unstable();
        found
    }

    proptest! {
        #[test]
        fn finds_what_the_naive_matcher_matches(
            filters in prop::collection::vec((filter(), 0_u64..3), 0..24),
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
            names in prop::collection::vec(name(), 1..8),
        ) {
            let mut tree = Tree::default();
            let mut naive: Vec<(String, u64, usize)> = Vec::new();
            for (value, (filter, key)) in filters.into_iter().enumerate() {
                tree.insert(&filter, key, value);
                naive.retain(|entry| (&entry.0, entry.1) != (&filter, key));
                naive.push((filter, key, value));
            }
            for index in removed {
                if !naive.is_empty() {
                    let (filter, key, _) = naive.swap_remove(index.index(naive.len()));
                    prop_assert!(tree.remove(&filter, key));
                    prop_assert!(!tree.remove(&filter, key));
                }
            }
            prop_assert_eq!(tree.len(), naive.len());
            for name in names {
                let mut expected: Vec<_> = naive
                    .iter()
                    .filter(|entry| topic::matches(&entry.0, &name))
                    .map(|entry| (entry.1, entry.2))
                    .collect();
                expected.sort_unstable();
                prop_assert_eq!(found(&tree, &name), expected, "{}", name);
            }
        }

        #[test]
        fn is_empty_again_when_all_is_removed(filters in prop::collection::vec(filter(), 0..24)) {
            let mut tree = Tree::default();
            for filter in &filters {
                tree.insert(filter, 1, 0_usize);
            }
            for filter in &filters {
                tree.remove(filter, 1);
            }
            prop_assert!(tree.is_empty());
            prop_assert!(tree.root.is_empty(), "no node is left behind");
        }
    }
}
