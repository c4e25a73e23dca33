//! The tokens of workers, and the pools that they allow.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cortex_domain::hex;
use cortex_domain::id::{ParseError, Pool};
use cortex_platform::entropy;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The name of a token, which is not secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TokenId(String);

/// The SHA-256 of a token. A token has 256 random bits, so a hash without salt and stretching is
/// enough.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

/// A token's record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerToken {
    pub id: TokenId,
    /// The pools that a worker with this token may join.
    pub pools: BTreeSet<Pool>,
    pub hash: TokenHash,
    pub revoked: bool,
}

/// Why a token is rejected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum TokenRefusal {
    #[error("unknown token")]
    Unknown,
    #[error("the token `{0}` is revoked")]
    Revoked(TokenId),
    #[error("the token `{token}` does not allow the pool `{pool}`")]
    Pool { token: TokenId, pool: Pool },
}

/// The tokens of an origin. Clones share the same table.
#[derive(Clone, Default, Debug)]
pub struct Tokens(Arc<RwLock<Table>>);

#[derive(Default, Debug)]
struct Table {
    /// Tokens that this process created. They are lost when it ends.
    issued: Vec<WorkerToken>,
    /// The operator's tokens, which may change while links are open.
    kept: Vec<WorkerToken>,
}

impl Tokens {
    /// Creates a token that is valid until this process ends, and returns its text.
    #[must_use]
    pub fn issue(&self, id: TokenId, pools: impl IntoIterator<Item = Pool>) -> String {
        let text = new_token();
        self.admit_text(id, pools, &text);
        text
    }

    /// Accepts a text as a token until this process ends.
    pub fn admit_text(&self, id: TokenId, pools: impl IntoIterator<Item = Pool>, text: &str) {
        let pools = pools.into_iter().collect();
        let token = WorkerToken { id, pools, hash: TokenHash::of(text), revoked: false };
        self.write().issued.push(token);
    }

    /// Replaces the operator's tokens.
    pub(crate) fn replace_kept(&self, kept: Vec<WorkerToken>) {
        self.write().kept = kept;
    }

    /// Returns the token that allows a worker to join a pool. Every known token is compared in
    /// constant time, so that the response time reveals nothing about a guess.
    pub(crate) fn check(&self, text: &str, pool: &Pool) -> Result<TokenId, TokenRefusal> {
        let hash = TokenHash::of(text);
        let table = self.read();
        let mut found = 0_u32;
        for (number, token) in (1..).zip(table.all()) {
            let same: Choice = token.hash.0.ct_eq(&hash.0);
            found.conditional_assign(&number, same);
        }
        let place = usize::try_from(found).ok().and_then(|number| number.checked_sub(1));
        let token = place.and_then(|place| table.all().nth(place)).ok_or(TokenRefusal::Unknown)?;
        token.allows(pool).map(|()| token.id.clone())
    }

    /// Returns an error if a link's token is no longer valid.
    pub(crate) fn recheck(&self, id: &TokenId, pool: &Pool) -> Result<(), TokenRefusal> {
        let table = self.read();
        let token = table.all().find(|token| token.id == *id);
        token.ok_or(TokenRefusal::Unknown)?.allows(pool)
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn all(&self) -> impl Iterator<Item = &WorkerToken> {
        self.issued.iter().chain(&self.kept)
    }
}

impl WorkerToken {
    fn allows(&self, pool: &Pool) -> Result<(), TokenRefusal> {
        if self.revoked {
            return Err(TokenRefusal::Revoked(self.id.clone()));
        }
        if self.pools.contains(pool) {
            Ok(())
        } else {
            Err(TokenRefusal::Pool { token: self.id.clone(), pool: pool.clone() })
        }
    }
}

/// Returns a new token of 256 random bits.
#[must_use]
pub fn new_token() -> String {
    format!("cwt_{}", TokenHash(entropy::random()))
}

impl TokenHash {
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

impl FromStr for TokenHash {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError { what: "hash of a token", reason: "must have 64 hexadecimal digits" };
        hex::decode(text).and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(***)")
    }
}

impl FromStr for TokenId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(sound) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError {
                what: "name of a token",
                reason: "must have 1 to 64 letters, digits, `-`, `_` or `.`",
            })
        }
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(name: &str) -> Pool {
        name.parse().unwrap()
    }

    fn id(name: &str) -> TokenId {
        name.parse().unwrap()
    }

    fn kept(name: &str, text: &str, revoked: bool) -> WorkerToken {
        WorkerToken { id: id(name), pools: [pool("gpu")].into(), hash: TokenHash::of(text), revoked }
    }

    #[test]
    fn a_token_lets_in_to_its_pools_alone() {
        let tokens = Tokens::default();
        let text = tokens.issue(id("local.echo"), [pool("echo"), pool("embed")]);
        tokens.replace_kept(vec![kept("gpu-box", "other", false)]);
        assert_eq!(tokens.check(&text, &pool("embed")), Ok(id("local.echo")));
        assert_eq!(tokens.check("other", &pool("gpu")), Ok(id("gpu-box")));
        let refused = TokenRefusal::Pool { token: id("local.echo"), pool: pool("gpu") };
        assert_eq!(tokens.check(&text, &pool("gpu")), Err(refused));
        for guess in ["", "cwt_", &text[..20], &format!("{text} ")] {
            assert_eq!(tokens.check(guess, &pool("echo")), Err(TokenRefusal::Unknown), "{guess}");
        }
    }

    #[test]
    fn a_revoked_token_is_named_and_ends_what_it_opened() {
        let tokens = Tokens::default();
        tokens.replace_kept(vec![kept("gpu-box", "text", false)]);
        assert_eq!(tokens.recheck(&id("gpu-box"), &pool("gpu")), Ok(()));
        tokens.replace_kept(vec![kept("gpu-box", "text", true)]);
        let revoked = Err(TokenRefusal::Revoked(id("gpu-box")));
        assert_eq!(tokens.check("text", &pool("gpu")).map(drop), revoked);
        assert_eq!(tokens.recheck(&id("gpu-box"), &pool("gpu")), revoked);
        tokens.replace_kept(vec![]);
        assert_eq!(tokens.recheck(&id("gpu-box"), &pool("gpu")), Err(TokenRefusal::Unknown));
    }

    #[test]
    fn a_hash_reads_back_and_is_not_printed() {
        let hash = TokenHash::of("abc");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!("".parse::<TokenHash>().is_err() && "é".repeat(32).parse::<TokenHash>().is_err());
        assert!(!format!("{:?}", kept("a", "b", false)).contains(&TokenHash::of("b").to_string()));
    }

    #[test]
    fn no_two_tokens_are_alike() {
        assert_ne!(new_token(), new_token());
        assert_eq!(new_token().len(), 68);
    }
}
