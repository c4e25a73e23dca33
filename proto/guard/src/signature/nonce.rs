//! Nonces, which make a signed request valid only once.

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

const WRONG: ParseError = ParseError { what: "nonce", reason: "must be 32 lower-case hexadecimal digits" };

/// The state of a nonce.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NonceState {
    /// It is new, and is remembered from now on.
    Fresh,
    /// It was used before.
    Replayed,
    /// It is older than the memory, so it may have been used.
    Forgotten,
}

/// Remembers the nonces of verified requests while their time is within the window.
///
/// It starts empty, and an [`Instance`](super::Instance) must reject requests from before its
/// start. It is bounded. When it is full, it forgets the oldest nonces and then rejects all
/// requests signed at that time or earlier. A flood therefore costs late requests but never admits
/// a replay.
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

    /// Records that a request with this nonce, signed at `signed`, was verified at `now`.
    pub fn remember(&mut self, nonce: Nonce, signed: Timestamp, now: Timestamp) -> NonceState {
        if signed < self.floor {
            return NonceState::Forgotten;
        }
        if !self.seen.insert((signed, nonce)) {
            return NonceState::Replayed;
        }
        while let Some(&(oldest, _)) = self.seen.first()
            && (now.since(oldest) > WINDOW || self.seen.len() > self.capacity)
        {
            self.seen.pop_first();
            self.floor = self.floor.max(Timestamp::from_millis(oldest.as_millis() + 1));
        }
        NonceState::Fresh
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
        assert_eq!(memory.remember(nonce(1), at(1), at(2)), NonceState::Fresh);
        assert_eq!(memory.remember(nonce(1), at(1), at(3)), NonceState::Replayed);
        assert_eq!(memory.remember(nonce(2), at(1), at(3)), NonceState::Fresh);
    }

    #[test]
    fn a_full_memory_never_admits_a_replay() {
        let mut memory = NonceMemory::new(2);
        for n in 1..=3 {
            assert_eq!(memory.remember(nonce(n), at(n.into()), at(9)), NonceState::Fresh);
        }
        assert_eq!(memory.remember(nonce(1), at(1), at(9)), NonceState::Forgotten);
        assert_eq!(memory.remember(nonce(3), at(3), at(9)), NonceState::Replayed);
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
