//! argon2id: its parameters, and the bounds that keep a login affordable.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};

use super::HashError;

/// The most memory that one check may take, in KiB: 256 MiB.
///
/// Checks run beside each other, and a Raspberry Pi Zero 2 has 512 MiB in all. Mosquitto 2.1 writes 46 MiB,
/// RFC 9106 recommends 64 MiB where memory is scarce.
const MAX_MEMORY: u32 = 256 * 1024;
/// The most memory that one check may fill over all its passes, in KiB: 1 GiB, seconds on a Raspberry Pi.
const MAX_WORK: u64 = 1024 * 1024;
/// The most lanes. They are filled one after the other, whatever their number: checks have threads already.
const MAX_LANES: u32 = 64;

/// What is below this, in KiB over all passes, is warned of: less than any of the pairs of memory and passes
/// that OWASP's cheat sheet on storing passwords lists.
const WEAK_WORK: u64 = 32 * 1024;

/// The parameters of one argon2id hash, version 0x13.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Argon2id {
    /// In KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Argon2id {
    /// What a new hash costs: 19 MiB twice, the first recommendation in OWASP's cheat sheet for machines with
    /// little memory.
    ///
    /// On the x86-64 server where 12,000 iterations of PBKDF2 took 5 ms, a check took 29 ms. A Raspberry Pi was not timed.
    pub(super) const NEW: Self = Self {
        memory: 19 * 1024,
        passes: 2,
        lanes: 1,
    };

    /// Reads `m=47104,t=1,p=1`, in this order, as the reference implementation writes it.
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let wrong = || HashError::Argon2Parameters;
        let mut parts = text.split(',');
        let mut number = |name: &str| {
            let digits = parts.next()?.strip_prefix(name)?.strip_prefix('=')?;
            digits.parse().ok().filter(|_| !digits.starts_with('+'))
        };
        let (Some(memory), Some(passes), Some(lanes)) = (number("m"), number("t"), number("p"))
        else {
            return Err(wrong());
        };
        if parts.next().is_some() {
            return Err(wrong());
        }
        let parameters = Self {
            memory,
            passes,
            lanes,
        };
        // The lower bounds are argon2's own (RFC 9106 section 3.1): 8 KiB for each lane.
        if passes == 0 || lanes == 0 || u64::from(memory) < 8 * u64::from(lanes) {
            return Err(wrong());
        }
        if memory > MAX_MEMORY || lanes > MAX_LANES || parameters.work() > MAX_WORK {
            return Err(HashError::Argon2Cost);
        }
        Ok(parameters)
    }

    /// Derives `length` bytes, or `None` if there is no memory for that.
    pub(super) fn derive(self, password: &[u8], salt: &[u8], length: usize) -> Option<Vec<u8>> {
        let parameters = Params::new(self.memory, self.passes, self.lanes, Some(length)).ok()?;
        let mut digest = vec![0; length];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into(password, salt, &mut digest)
            .ok()?;
        Some(digest)
    }

    /// The KiB that are filled, over all passes.
    pub(super) fn work(self) -> u64 {
        u64::from(self.memory) * u64::from(self.passes)
    }

    pub(super) fn passes(self) -> u32 {
        self.passes
    }

    pub(super) fn is_weak(self) -> bool {
        self.work() < WEAK_WORK
    }
}

impl fmt::Display for Argon2id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory, self.passes, self.lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_cost_too_much_or_are_none_are_refused() {
        for text in ["m=47104,t=1,p=1", "m=262144,t=4,p=4", "m=8,t=1,p=1"] {
            assert_eq!(Argon2id::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "m=262145,t=1,p=1",
            "m=262144,t=5,p=1",
            "m=1024,t=1,p=65",
            "m=8,t=4294967295,p=1",
        ] {
            let expected = Err(HashError::Argon2Cost);
            assert_eq!(Argon2id::parse(text), expected);
        }
        for text in [
            "",
            "m=8",
            "m=8,t=1",
            "t=1,m=8,p=1",
            "m=8,t=1,p=1,",
            "m=8,t=0,p=1",
            "m=8,t=1,p=0",
            "m=15,t=1,p=2",
            "m=+8,t=1,p=1",
            "m=-8,t=1,p=1",
            "m=8,t=1,p=1,data=AAAA",
            "m=99999999999,t=1,p=1",
        ] {
            let expected = Err(HashError::Argon2Parameters);
            assert_eq!(Argon2id::parse(text), expected);
        }
    }
}
