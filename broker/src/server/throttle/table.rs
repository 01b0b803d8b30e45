//! Failures and checks under way, by some key, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

use super::Rules;

/// Whether one more login may be checked. The greater, the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    Free,
    /// If none of those that are being checked fail.
    InUse,
    /// Not until then.
    None(Instant),
}

/// The failures of one address, name or pair.
#[derive(Debug)]
struct Account {
    failures: u32,
    /// How many logins are being checked.
    pending: u32,
    /// When the failures are forgotten.
    end: Instant,
}

/// Accounts, of a bounded number.
#[derive(Debug)]
pub(super) struct Table<K> {
    accounts: HashMap<K, Account>,
    capacity: usize,
}

impl<K: Copy + Eq + Hash> Table<K> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            accounts: HashMap::new(),
            capacity,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }

    pub(super) fn room(&self, now: Instant, key: K, limit: u32) -> Room {
        let Some(account) = self.accounts.get(&key) else {
            return Room::Free;
        };
        let failures = account.failures_at(now);
        if failures >= limit {
            Room::None(account.end)
        } else if failures.saturating_add(account.pending) >= limit {
            Room::InUse
        } else {
            Room::Free
        }
    }

    pub(super) fn begin(&mut self, now: Instant, key: K) {
        if self.accounts.len() >= self.capacity && !self.accounts.contains_key(&key) {
            self.make_room(now);
        }
        let account = self.accounts.entry(key).or_insert(Account {
            failures: 0,
            pending: 0,
            end: now,
        });
        account.pending = account.pending.saturating_add(1);
    }

    /// Returns until when the account is locked, if it is from now on.
    pub(super) fn end(
        &mut self,
        now: Instant,
        key: K,
        wrong: bool,
        rules: Rules,
    ) -> Option<Instant> {
        let account = self.accounts.get_mut(&key)?;
        account.pending = account.pending.saturating_sub(1);
        let before = account.failures_at(now);
        if before == 0 {
            account.failures = 0;
        }
        if wrong {
            account.failures = before.saturating_add(1);
            // From the first failure on for the window; from the last one on when that locks.
            if before == 0 || account.failures == rules.failures {
                account.end = now + rules.window;
            }
            return (account.failures == rules.failures).then_some(account.end);
        }
        if account.failures == 0 && account.pending == 0 {
            self.accounts.remove(&key);
        }
        None
    }

    pub(super) fn forget(&mut self, key: K) {
        if let Some(account) = self.accounts.get_mut(&key) {
            account.failures = 0;
            if account.pending == 0 {
                self.accounts.remove(&key);
            }
        }
    }

    pub(super) fn forgive(&mut self) {
        self.accounts.retain(|_, account| {
            account.failures = 0;
            account.pending > 0
        });
    }

    /// Lets go of what is over; if nothing is, of the account that has the fewest failures and ends first.
    fn make_room(&mut self, now: Instant) {
        self.accounts
            .retain(|_, account| account.pending > 0 || account.failures_at(now) > 0);
        if self.accounts.len() < self.capacity {
            return;
        }
        let idle = self
            .accounts
            .iter()
            .filter(|(_, account)| account.pending == 0);
        let least = idle.min_by_key(|(_, account)| (account.failures, account.end));
        if let Some(key) = least.map(|(key, _)| *key) {
            self.accounts.remove(&key);
        }
    }
}

impl Account {
    fn failures_at(&self, now: Instant) -> u32 {
        if now < self.end { self.failures } else { 0 }
    }
}
