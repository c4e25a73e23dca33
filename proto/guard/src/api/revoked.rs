//! `POST /internal/revoked`: the edge tells the origin of an API key that no longer holds.

use serde::{Deserialize, Serialize};

use crate::keys::KeyId;
use crate::precheck;
use crate::problem::Problem;

/// A key of the tenant that the request is signed for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokedKey {
    #[serde(with = "crate::text")]
    pub key: KeyId,
}

impl RevokedKey {
    /// # Errors
    /// If the body names no key.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        precheck::check_depth(body)?;
        precheck::parse(body)
    }
}

/// The answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Closed {
    /// How much of what was open under the key has been told to end.
    pub closed: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_one_key_and_nothing_else() {
        let read = RevokedKey::parse(br#"{"key":"abcdefghij23"}"#).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"key":"abcdefghij23"}"#);
        for body in ["{}", r#"{"key":"short"}"#, r#"{"key":1}"#, r#"{"key":"abcdefghij23","x":1}"#, "["] {
            assert!(RevokedKey::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
