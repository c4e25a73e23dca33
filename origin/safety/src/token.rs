//! What an origin shows to a kernel in another process. Whoever may ask can learn the policies by asking, and whoever can
//! answer decides, so each side wants to know the other's.

use std::fmt;

use subtle::ConstantTimeEq;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// The fewest characters of a token.
const SHORTEST: usize = 32;
const HEADER: &str = "authorization";

/// A secret that a kernel and its origins share.
#[derive(Clone)]
pub struct Token {
    header: MetadataValue<Ascii>,
}

/// A text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the safety kernel's token has at least {SHORTEST} characters, all of them letters, digits or signs of ASCII"
)]
pub struct MalformedToken;

impl Token {
    /// # Errors
    /// If the text is too short, or can't stand in a header.
    pub fn new(text: &str) -> Result<Self, MalformedToken> {
        if text.len() < SHORTEST || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(MalformedToken);
        }
        let mut header: MetadataValue<Ascii> =
            format!("Bearer {text}").parse().map_err(|_| MalformedToken)?;
        header.set_sensitive(true);
        Ok(Self { header })
    }

    /// Checks what a caller shows, before its question is read.
    ///
    /// # Errors
    /// If it is another token, or none.
    pub(crate) fn check(&self, call: Request<()>) -> Result<Request<()>, Status> {
        let shown = call.metadata().get(HEADER).map_or(&b""[..], |value| value.as_encoded_bytes());
        if self.header.as_encoded_bytes().ct_eq(shown).into() {
            Ok(call)
        } else {
            Err(Status::unauthenticated("the safety kernel answers callers that show its token"))
        }
    }
}

/// Shows the token with each call.
impl Interceptor for Token {
    fn call(&mut self, mut call: Request<()>) -> Result<Request<()>, Status> {
        call.metadata_mut().insert(HEADER, self.header.clone());
        Ok(call)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_is_let_in() {
        let text = "a".repeat(SHORTEST);
        let token = Token::new(&text).unwrap();
        let shown = |value: Option<&str>| {
            let mut call = Request::new(());
            if let Some(value) = value {
                call.metadata_mut().insert(HEADER, value.parse().unwrap());
            }
            token.check(call).is_ok()
        };
        assert!(shown(Some(&format!("Bearer {text}"))));
        for other in [None, Some(""), Some("Bearer "), Some(text.as_str()), Some("Bearer aaaa")] {
            assert!(!shown(other), "{other:?}");
        }
        assert!(!format!("{token:?}").contains("aaa"));
    }

    #[test]
    fn a_weak_or_unspeakable_token_is_none() {
        for bad in ["", "short", &"a".repeat(SHORTEST - 1), &"a b".repeat(20), &"ä".repeat(40)] {
            assert_eq!(Token::new(bad).unwrap_err(), MalformedToken, "{bad}");
        }
    }
}
