//! The verification of a signed request.

use std::time::Duration;

use cortex_domain::time::Timestamp;

use super::{Ambiguous, Announced, Head, Instance, Keyring, Nonce, NonceState, canonical};
use cortex_api::Problem;
use cortex_api::headers::{BODY_DIGEST, BODY_LENGTH, INSTANCE, KEY_ID, NONCE, SIGNATURE, TIME};
use cortex_domain::ErrorCode;
use cortex_domain::hex;

/// The maximum difference between a request's time and the verifier's clock, in both directions.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);
/// How far a request's time may lie ahead of a gateway instance's clock.
pub const AHEAD: Duration = Duration::from_secs(5);

/// Why a signature is invalid, for the log. The caller learns only that it is invalid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    #[error(transparent)]
    Ambiguous(#[from] Ambiguous),
    #[error("the signing key is unknown")]
    UnknownKey,
    #[error("the time differs from the clock by more than five minutes")]
    OutsideWindow,
    #[error("the signature doesn't match")]
    Mismatch,
    #[error("the nonce was used before")]
    Replayed,
    #[error("the signature is older than the remembered nonces")]
    Forgotten,
    #[error("the request was signed for another instance")]
    Elsewhere,
    #[error("the signature's time is ahead of the clock")]
    Ahead,
}

impl From<SignatureError> for Problem {
    fn from(_: SignatureError) -> Self {
        Problem::new(ErrorCode::Unauthenticated, "invalid signature")
    }
}

/// A head with a valid signature. The caller must still check that its nonce is new and that the
/// body is the announced one: see [`Verified::once`] and [`Announced::check`].
#[must_use = "a signature without a check of its nonce can be replayed"]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    pub nonce: Nonce,
    pub signed: Timestamp,
    pub key_id: String,
    pub body: Announced,
    instance: Option<String>,
}

impl Verified {
    /// Checks that the request was signed for a gateway instance, and not ahead of its clock.
    ///
    /// # Errors
    /// Returns an error if it names another instance or none, or its time lies more than [`AHEAD`]
    /// ahead.
    pub fn meant_for(self, instance: &Instance, now: Timestamp) -> Result<Self, SignatureError> {
        if self.instance.as_deref().and_then(Instance::parse).as_ref() != Some(instance) {
            return Err(SignatureError::Elsewhere);
        }
        if self.signed.since(now) > AHEAD { Err(SignatureError::Ahead) } else { Ok(self) }
    }

    /// Checks the state of the head's nonce.
    ///
    /// # Errors
    /// Returns an error if the nonce is not known to be new.
    pub fn once(self, seen: NonceState) -> Result<Self, SignatureError> {
        match seen {
            NonceState::Fresh => Ok(self),
            NonceState::Replayed => Err(SignatureError::Replayed),
            NonceState::Forgotten => Err(SignatureError::Forgotten),
        }
    }
}

/// Verifies the signature of a head with all of its headers. Cheap checks come first: nothing is
/// hashed for an unknown key or a time outside the window.
///
/// # Errors
/// Returns an error if a header is missing, the time is outside the window, the key is unknown or a
/// covered part was altered.
pub fn verify<N: AsRef<str>, V: AsRef<[u8]>>(
    head: &Head<'_>,
    all: impl IntoIterator<Item = (N, V)>,
    keys: &Keyring,
    now: Timestamp,
) -> Result<Verified, SignatureError> {
    let mut signature = None;
    let all = all.into_iter().inspect(|(name, value)| {
        if name.as_ref().eq_ignore_ascii_case(SIGNATURE) {
            let read = std::str::from_utf8(value.as_ref()).ok().and_then(hex::decode);
            // With a second signature it would be unclear which one counts.
            signature = Some(if signature.is_none() { read } else { None });
        }
    });
    let covered = canonical::covered(all)?;
    let signature = signature.flatten().ok_or(SignatureError::Header(SIGNATURE))?;

    let find =
        |wanted: &str| covered.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let header = |wanted: &'static str| find(wanted).ok_or(SignatureError::Header(wanted));
    let key_id = header(KEY_ID)?.to_owned();
    let key = keys.get(&key_id).ok_or(SignatureError::UnknownKey)?;
    let signed =
        header(TIME)?.parse().map(Timestamp::from_millis).map_err(|_| SignatureError::Header(TIME))?;
    if now.since(signed).max(signed.since(now)) > WINDOW {
        return Err(SignatureError::OutsideWindow);
    }
    let nonce = header(NONCE)?.parse().map_err(|_| SignatureError::Header(NONCE))?;
    let body = Announced::parse(header(BODY_LENGTH)?, header(BODY_DIGEST)?)?;
    let instance = find(INSTANCE).map(str::to_owned);
    if key.verifies(&canonical::text(head, covered)?, &signature) {
        Ok(Verified { nonce, signed, key_id, body, instance })
    } else {
        Err(SignatureError::Mismatch)
    }
}
