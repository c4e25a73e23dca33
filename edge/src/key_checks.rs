//! When a tenant's ledger last confirmed a key. This admits no request, because every call asks the
//! ledger. It only decides whether to read a body before that, and when an open stream must ask
//! again.

use std::cell::RefCell;
use std::collections::HashMap;

use cortex_domain::id::KeyId;
use cortex_guard::keys::{KeyHash, ShownKey};

use crate::clock;

/// How often an open stream asks whether its key is still valid, in milliseconds.
const KEY_CHECK_INTERVAL_MS: u64 = 2500;
/// How long one stream may take to ask on behalf of all streams of its key, in milliseconds.
pub(crate) const KEY_CHECK_TIMEOUT_MS: u64 = 1000;
/// How long a stream continues after its key was last confirmed, in milliseconds.
const UNCHECKED_LIMIT_MS: u64 = 15_000;
const MAX_KEYS: usize = 1000;

thread_local! {
    static KEYS: RefCell<Keys> = RefCell::default();
}

/// Records the ledger's answer about a key.
pub(crate) fn note(key: &ShownKey, holds: bool) {
    KEYS.with_borrow_mut(|keys| keys.note(key, holds, clock::now().as_millis()));
}

/// Returns whether the ledger confirmed a key recently.
pub(crate) fn is_recent(key: &ShownKey) -> bool {
    KEYS.with_borrow(|keys| keys.is_recent(key, clock::now().as_millis()))
}

/// Returns the next step of an open stream with a key that was confirmed at `checked_at`.
pub(crate) fn next(key: &ShownKey, checked_at: u64) -> KeyCheck {
    KEYS.with_borrow_mut(|keys| keys.next(key, checked_at, clock::now().as_millis()))
}

/// The next step of an open stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyCheck {
    /// Continues until this time.
    Wait(u64),
    /// Asks the ledger. Other streams of the same key wait meanwhile.
    Ask,
    /// Ends, because the key is not valid.
    Revoked,
    /// Ends, because the ledger did not answer for too long.
    Unchecked,
}

#[derive(Debug, Default)]
struct Keys(HashMap<KeyId, Known>);

#[derive(Debug)]
struct Known {
    hash: KeyHash,
    checked_at: u64,
    revoked: bool,
    asking_until: u64,
}

impl Keys {
    fn note(&mut self, key: &ShownKey, holds: bool, now: u64) {
        match self.0.get_mut(&key.id).filter(|known| known.hash == key.hash) {
            Some(known) if holds => (known.checked_at, known.revoked, known.asking_until) = (now, false, 0),
            Some(known) => known.revoked = true,
            None if holds => self.insert(key, now),
            None => {}
        }
    }

    fn insert(&mut self, key: &ShownKey, checked_at: u64) {
        if self.0.len() >= MAX_KEYS {
            let oldest = self.0.values().map(|known| known.checked_at).min().unwrap_or_default();
            self.0.retain(|_, known| known.checked_at > oldest);
        }
        let known = Known { hash: key.hash.clone(), checked_at, revoked: false, asking_until: 0 };
        self.0.insert(key.id.clone(), known);
    }

    fn is_recent(&self, key: &ShownKey, now: u64) -> bool {
        let known = self.0.get(&key.id).filter(|known| known.hash == key.hash && !known.revoked);
        known.is_some_and(|known| now < known.checked_at + KEY_CHECK_INTERVAL_MS)
    }

    fn next(&mut self, key: &ShownKey, checked_at: u64, now: u64) -> KeyCheck {
        if self.0.get(&key.id).is_none_or(|known| known.hash != key.hash) {
            self.insert(key, checked_at);
        }
        let Some(known) = self.0.get_mut(&key.id) else { return KeyCheck::Ask };
        let checked_at = known.checked_at.max(checked_at);
        if known.revoked {
            KeyCheck::Revoked
        } else if now < checked_at + KEY_CHECK_INTERVAL_MS {
            KeyCheck::Wait(checked_at + KEY_CHECK_INTERVAL_MS)
        } else if now >= checked_at + UNCHECKED_LIMIT_MS {
            KeyCheck::Unchecked
        } else if now < known.asking_until {
            KeyCheck::Wait(known.asking_until)
        } else {
            known.asking_until = now + KEY_CHECK_TIMEOUT_MS;
            KeyCheck::Ask
        }
    }
}

#[cfg(test)]
mod tests {
    use cortex_guard::keys::{ApiKey, Pepper};

    use super::*;

    fn key(byte: u8) -> ShownKey {
        let pepper: Pepper = "0a".repeat(32).parse().unwrap();
        ApiKey::mint([byte; 40]).shown(&pepper)
    }

    #[test]
    fn one_stream_of_a_key_asks_for_all_of_them_once_in_an_interval() {
        let (mut keys, key) = (Keys::default(), key(1));
        keys.note(&key, true, 1000);
        assert_eq!(keys.next(&key, 1000, 1000), KeyCheck::Wait(3500));
        assert_eq!(keys.next(&key, 900, 3499), KeyCheck::Wait(3500));
        assert_eq!(keys.next(&key, 1000, 3500), KeyCheck::Ask);
        assert_eq!(keys.next(&key, 1000, 3600), KeyCheck::Wait(4500), "another stream");
        keys.note(&key, true, 3700);
        assert_eq!(keys.next(&key, 1000, 4500), KeyCheck::Wait(6200));
    }

    #[test]
    fn a_check_that_never_returned_is_replaced() {
        let (mut keys, key) = (Keys::default(), key(1));
        keys.note(&key, true, 0);
        assert_eq!(
            [2500, 3499, 3500].map(|now| keys.next(&key, 0, now)),
            [KeyCheck::Ask, KeyCheck::Wait(3500), KeyCheck::Ask]
        );
        assert_eq!(keys.next(&key, 0, 15_000), KeyCheck::Unchecked);
    }

    #[test]
    fn a_revoked_key_ends_every_stream_and_is_no_longer_confirmed() {
        let (mut keys, key) = (Keys::default(), key(1));
        keys.note(&key, true, 0);
        assert!(keys.is_recent(&key, 2499) && !keys.is_recent(&key, 2500));
        keys.note(&key, false, 100);
        assert!(!keys.is_recent(&key, 100));
        assert_eq!(keys.next(&key, 0, 100), KeyCheck::Revoked);
    }

    #[test]
    fn another_secret_under_the_same_id_is_another_key() {
        let (mut keys, mine) = (Keys::default(), key(1));
        let other = ShownKey { hash: key(2).hash, ..mine.clone() };
        keys.note(&mine, true, 0);
        assert!(!keys.is_recent(&other, 1));
        keys.note(&other, false, 1);
        assert!(keys.is_recent(&mine, 1));
    }

    #[test]
    fn no_more_than_so_many_keys_are_remembered_and_a_forgotten_one_goes_by_its_stream() {
        let mut keys = Keys::default();
        let pepper: Pepper = "0a".repeat(32).parse().unwrap();
        for n in 0..MAX_KEYS + 10 {
            let mut random = [0; 40];
            random[..8].copy_from_slice(&(n as u64).to_be_bytes());
            keys.note(&ApiKey::mint(random).shown(&pepper), true, n as u64);
        }
        assert!(keys.0.len() <= MAX_KEYS);
        assert_eq!(keys.next(&key(9), 100, 200), KeyCheck::Wait(2600));
    }
}
