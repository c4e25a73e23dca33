//! Nonces: a signed request is good for one use.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use cortex_domain::id::ParseError;
use cortex_domain::time::Timestamp;

use super::WINDOW;

/// 128 random bits, in text 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Nonce(u128);

impl Nonce {
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(random))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Nonce {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 32 && text.bytes().all(lower) {
            u128::from_str_radix(text, 16).map(Self).map_err(|_| WRONG)
        } else {
            Err(WRONG)
        }
    }
}

const WRONG: ParseError = ParseError { what: "nonce", reason: "it is 32 lower-case hexadecimal digits" };

/// What a memory knows of a nonce.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// It is new, and remembered from now on.
    Fresh,
    /// It was used before.
    Replayed,
    /// It was signed before the memory reaches back, so nobody can tell.
    Forgotten,
}

/// Remembers the nonces of verified requests for as long as their time is within the window.
///
/// It starts empty: what was used before it began must be refused by its [`Instance`](super::Instance). It is bounded:
/// when full, it forgets the oldest and from then on refuses all that was signed as early, so a flood costs late
/// requests but never admits a replay.
#[derive(Debug)]
pub struct NonceMemory {
    seen: BTreeSet<(Timestamp, Nonce)>,
    capacity: usize,
    floor: Timestamp,
}

impl NonceMemory {
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { seen: BTreeSet::new(), capacity: capacity.max(1), floor: Timestamp::from_millis(0) }
    }

    /// Notes that a request with this nonce, signed at `signed`, was verified at `now`.
    pub fn remember(&mut self, nonce: Nonce, signed: Timestamp, now: Timestamp) -> Seen {
        if signed < self.floor {
            return Seen::Forgotten;
        }
        if !self.seen.insert((signed, nonce)) {
            return Seen::Replayed;
        }
        while let Some(&(oldest, _)) = self.seen.first()
            && (now.since(oldest) > WINDOW || self.seen.len() > self.capacity)
        {
            self.seen.pop_first();
            self.floor = self.floor.max(Timestamp::from_millis(oldest.as_millis() + 1));
        }
        Seen::Fresh
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn nonce(byte: u8) -> Nonce {
        Nonce::new([byte; 16])
    }

    #[test]
    fn a_nonce_is_fresh_once() {
        let mut memory = NonceMemory::new(10);
        assert_eq!(memory.remember(nonce(1), at(1), at(2)), Seen::Fresh);
        assert_eq!(memory.remember(nonce(1), at(1), at(3)), Seen::Replayed);
        assert_eq!(memory.remember(nonce(2), at(1), at(3)), Seen::Fresh);
    }

    #[test]
    fn a_full_memory_never_admits_a_replay() {
        let mut memory = NonceMemory::new(2);
        for n in 1..=3 {
            assert_eq!(memory.remember(nonce(n), at(n.into()), at(9)), Seen::Fresh);
        }
        assert_eq!(memory.remember(nonce(1), at(1), at(9)), Seen::Forgotten);
        assert_eq!(memory.remember(nonce(3), at(3), at(9)), Seen::Replayed);
        assert_eq!(memory.seen.len(), 2);
    }

    #[test]
    fn nonces_are_forgotten_when_their_time_has_passed() {
        let mut memory = NonceMemory::new(10);
        memory.remember(nonce(1), at(1), at(1));
        let later = at(2).after(WINDOW + Duration::from_millis(1));
        memory.remember(nonce(2), later, later);
        assert_eq!(memory.seen.len(), 1);
    }
}
