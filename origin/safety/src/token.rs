//! The token that an origin sends to a kernel in another process. A caller that may ask can find
//! out the policies, and a server that answers makes the decisions. Each side therefore checks that
//! the other has the token.

use std::fmt;

use subtle::ConstantTimeEq;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// Minimum number of characters of a token.
const MIN_TOKEN_LENGTH: usize = 32;
const HEADER: &str = "authorization";

/// A secret that a kernel and its origins share.
#[derive(Clone)]
pub struct Token {
    header: MetadataValue<Ascii>,
}

/// The text is not a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid token of the safety kernel: must have at least {MIN_TOKEN_LENGTH} printable ASCII characters without spaces"
)]
pub struct MalformedToken;

impl Token {
    /// Makes a token of a text.
    ///
    /// # Errors
    /// Returns an error if the text is too short or can't be sent in a header.
    pub fn new(text: &str) -> Result<Self, MalformedToken> {
        if text.len() < MIN_TOKEN_LENGTH || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(MalformedToken);
        }
        let mut header: MetadataValue<Ascii> =
            format!("Bearer {text}").parse().map_err(|_| MalformedToken)?;
        header.set_sensitive(true);
        Ok(Self { header })
    }

    /// Checks the token of a call before its message is read.
    ///
    /// # Errors
    /// Returns an error if the token is missing or wrong.
    pub(crate) fn check(&self, call: Request<()>) -> Result<Request<()>, Status> {
        let shown = call.metadata().get(HEADER).map_or(&b""[..], |value| value.as_encoded_bytes());
        if self.header.as_encoded_bytes().ct_eq(shown).into() {
            Ok(call)
        } else {
            Err(Status::unauthenticated("missing or wrong token of the safety kernel"))
        }
    }
}

/// Adds the token to each call.
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
        let text = "a".repeat(MIN_TOKEN_LENGTH);
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
    fn a_token_that_is_short_or_not_ascii_is_refused() {
        for bad in ["", "short", &"a".repeat(MIN_TOKEN_LENGTH - 1), &"a b".repeat(20), &"ä".repeat(40)] {
            assert_eq!(Token::new(bad).unwrap_err(), MalformedToken, "{bad}");
        }
    }
}
