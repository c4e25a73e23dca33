//! Whether a request was signed by someone who may.

use std::time::Duration;

use cortex_domain::time::Timestamp;

use super::{Ambiguous, Keyring, Nonce, Request, Seen, canonical};
use crate::headers::{KEY_ID, NONCE, SIGNATURE, TIME};
use crate::problem::{Kind, Problem};
use crate::{headers, hex};

/// How far a request's time may lie from the verifier's clock, either way.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);

/// Why a signature is not accepted: for the log. The caller is told no more than that it was not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    #[error(transparent)]
    Ambiguous(#[from] Ambiguous),
    #[error("the key is not one of ours")]
    UnknownKey,
    #[error("the time is more than five minutes away")]
    OutsideWindow,
    #[error("the signature doesn't match")]
    Mismatch,
    #[error("the nonce was used before")]
    Replayed,
    #[error("it was signed before nonces are remembered")]
    Forgotten,
}

impl From<Refusal> for Problem {
    fn from(_: Refusal) -> Self {
        Problem::new(Kind::Unauthenticated, "the request's signature is not accepted")
    }
}

/// A request whose signature holds. It must still be checked that its nonce is new: see [`Verified::once`].
#[must_use = "a signature without a check of its nonce can be replayed"]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    pub nonce: Nonce,
    pub signed: Timestamp,
    pub key_id: String,
}

impl Verified {
    /// Turns what a memory of nonces says into the last verdict.
    ///
    /// # Errors
    /// If the nonce is not known to be new.
    pub fn once(self, seen: Seen) -> Result<Self, Refusal> {
        match seen {
            Seen::Fresh => Ok(self),
            Seen::Replayed => Err(Refusal::Replayed),
            Seen::Forgotten => Err(Refusal::Forgotten),
        }
    }
}

/// Checks a request's signature, all of its headers given.
///
/// # Errors
/// If a header lacks, the time is outside the window, the key is unknown or anything covered was altered.
pub fn verify<N: AsRef<str>, V: AsRef<[u8]>>(
    request: &Request<'_>,
    all: impl IntoIterator<Item = (N, V)>,
    keys: &Keyring,
    now: Timestamp,
) -> Result<Verified, Refusal> {
    let mut signature = None;
    let all = all.into_iter().filter(|(name, value)| {
        if name.as_ref().eq_ignore_ascii_case(SIGNATURE) {
            let read = std::str::from_utf8(value.as_ref()).ok().and_then(hex::decode);
            // A second signature leaves it open which one counts.
            signature = Some(if signature.is_none() { read } else { None });
        }
        headers::is_cortex(name.as_ref())
    });
    let covered = canonical::covered(all)?;
    let signature = signature.flatten().ok_or(Refusal::Header(SIGNATURE))?;

    let header = |wanted: &'static str| {
        covered
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
            .ok_or(Refusal::Header(wanted))
    };
    let signed = header(TIME)?.parse().map(Timestamp::from_millis).map_err(|_| Refusal::Header(TIME))?;
    let nonce = header(NONCE)?.parse().map_err(|_| Refusal::Header(NONCE))?;
    let key_id = header(KEY_ID)?.to_owned();

    let key = keys.get(&key_id).ok_or(Refusal::UnknownKey)?;
    if now.since(signed).max(signed.since(now)) > WINDOW {
        return Err(Refusal::OutsideWindow);
    }
    if key.verifies(&canonical::text(request, covered)?, &signature) {
        Ok(Verified { nonce, signed, key_id })
    } else {
        Err(Refusal::Mismatch)
    }
}
