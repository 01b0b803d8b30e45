//! How many passwords may be tried: by whom, and for whom.
//!
//! Each login that fails counts for where it came from and for the name that it tried. After
//! [`Rules::failures`] of them within [`Rules::window`], that address or that name is locked out for as long:
//! its logins are refused without being looked at.
//!
//! A lock on a name alone would be a gift to any stranger who knows the name: ten wrong passwords, and the
//! owner stays outside. Therefore:
//!
//! - A *pair* of address and name that has logged in before is a friend. It has an account of its own, with the
//!   same limit, and what strangers do, under its name or from behind the same router, does not count there.
//!   A restart forgets friends as it does failures: no file says who was where.
//! - Everybody else who comes with a name that is locked out, from an address that has not failed with it, may try
//!   once per window. The owner on a new network gets in; of a stranger's addresses, each gets one guess instead
//!   of ten. Against very many addresses this is no wall, and none could be without locking out the owner: there the
//!   cost of a hash and the bounded number of checks at a time are what holds.
//!
//! A guesser changes his guess, a phone with an old password does not: one of the last wrong passwords of a pair,
//! tried again, does not count and is not even checked. One device that nobody told of a new
//! password locks out nobody behind the same router, proxy or bridge of containers, and costs no processor. What is
//! remembered is a hash of the password and of what it was checked against, under a key of this process: a
//! password that was set anew is checked anew.
//!
//! An IPv4 address counts by itself, an IPv6 address as its /64, which is what one customer has at least. Some have
//! a /48 with 65,536 of those: all of it has an account of its own, with ten times the limit. The addresses 127.0.0.1 and `::1`, and Unix sockets, are where programs of this machine and tunnels come from, for many
//! people: they are never locked out as an address, but count for names and pairs.
//!
//! A login that is being checked counts as one that may fail: who comes while that would be one too many waits for
//! the outcome. Otherwise whoever opens a thousand connections at once had a thousand guesses.
//!
//! Nothing is done here but counting: time is passed in, and a lock is not kept longer than for its window.
//! Memory is bounded: of each kind, so many entries are kept, and the one that matters least goes first.

mod guesses;
mod login;
mod origin;
mod policy;
mod table;
#[cfg(test)]
mod tests;

pub(super) use guesses::Guess;
pub(super) use login::{Attempt, Locked, Lockout, Outcome, Rules, Start};
pub(super) use origin::Origin;
pub(super) use policy::Throttle;
