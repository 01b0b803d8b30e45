//! The last wrong passwords of each pair, as hashes under a key that nobody knows.

use std::collections::HashMap;
use std::fmt;
use std::time::Instant;

/// The most pairs whose last wrong passwords are remembered.
const MAX_GUESSES: usize = 4096;

/// So many of each: people have a phone and a tablet, and may have forgotten different passwords on them.
const OF_EACH: usize = 3;

/// A password and what it was checked against, hashed under the throttle's own key, which is random and lives as
/// long as the process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct Guess(pub(super) u64);

/// Not even the hash is for the log.
impl fmt::Debug for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guess(..)")
    }
}

/// What one pair had wrong lately.
#[derive(Debug)]
struct Recent {
    /// The newest first.
    guesses: [Option<Guess>; OF_EACH],
    /// When one of them was tried last.
    tried: Instant,
}

/// The last wrong passwords of each pair, of a bounded number of pairs.
#[derive(Debug, Default)]
pub(super) struct Guesses(HashMap<u64, Recent>);

impl Guesses {
    /// Whether the pair has tried this before, and it was wrong. Then it still is.
    pub(super) fn repeats(&mut self, now: Instant, pair: u64, guess: Guess) -> bool {
        match self.0.get_mut(&pair) {
            Some(recent) if recent.guesses.contains(&Some(guess)) => {
                recent.tried = now;
                true
            }
            _ => false,
        }
    }

    /// Remembers a wrong password in the place of the oldest of that pair. Of too many pairs, the one that has not
    /// come for the longest time is forgotten, and counts once more if it does.
    pub(super) fn remember(&mut self, now: Instant, pair: u64, guess: Guess) {
        if self.0.len() >= MAX_GUESSES && !self.0.contains_key(&pair) {
            let oldest = self.0.iter().min_by_key(|(_, recent)| recent.tried);
            if let Some(oldest) = oldest.map(|(pair, _)| *pair) {
                self.0.remove(&oldest);
            }
        }
        let recent = self.0.entry(pair).or_insert(Recent {
            guesses: [None; OF_EACH],
            tried: now,
        });
        recent.guesses.rotate_right(1);
        recent.guesses[0] = Some(guess);
        recent.tried = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_still_tried_stays() {
        let start = Instant::now();
        let mut guesses = Guesses::default();
        guesses.remember(start, 0, Guess(7));
        for pair in 1..6000 {
            let now = start + Duration::from_secs(pair);
            guesses.remember(now, pair, Guess(7));
            assert!(guesses.repeats(now, 0, Guess(7)), "{pair}");
        }
        assert_eq!(guesses.0.len(), MAX_GUESSES);
        assert!(!guesses.repeats(start, 1, Guess(7)));
        assert!(!guesses.repeats(start, 0, Guess(8)));
    }

    #[test]
    fn the_last_three_of_a_pair_are_known_and_of_no_other() {
        let now = Instant::now();
        let mut guesses = Guesses::default();
        for number in 0..5 {
            guesses.remember(now, 1, Guess(number));
        }
        let known: Vec<_> = (0..5)
            .filter(|number| guesses.repeats(now, 1, Guess(*number)))
            .collect();
        assert_eq!(known, [2, 3, 4]);
        assert!(!guesses.repeats(now, 2, Guess(4)));
    }

    #[test]
    fn debug_output_has_no_hash() {
        assert_eq!(format!("{:?}", Guess(123)), "Guess(..)");
    }
}
