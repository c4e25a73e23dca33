//! `POST /internal/revoked`: the edge tells the origin that an API key was revoked.

use cortex_domain::id::KeyId;
use serde::{Deserialize, Serialize};

use crate::body::Checked;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// A revoked key of the tenant for which the request is signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokedKey {
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "KeyId"))]
    pub key: KeyId,
}

impl RevokedKey {
    /// Parses a body.
    ///
    /// # Errors
    /// Returns an error if the body does not name a key.
    pub fn parse(body: Checked<'_>) -> Result<Self, Problem> {
        let mut given = Parameters::body(body)?;
        let key = given.parsed("key")?;
        given.none_left(|_| None)?;
        Ok(Self { key })
    }
}

/// The open calls and streams of the revoked key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Closed {
    /// The number of open calls and streams that the origin is ending.
    pub closed: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_one_key_and_nothing_else() {
        let read = RevokedKey::parse(Checked::trust(br#"{"key":"abcdefghij23"}"#)).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"key":"abcdefghij23"}"#);
        for body in [
            "{}",
            r#"{"key":"short"}"#,
            r#"{"key":1}"#,
            r#"{"key":"abcdefghij23","x":1}"#,
            r#"["abcdefghij23"]"#,
            "[",
        ] {
            assert!(RevokedKey::parse(Checked::trust(body.as_bytes())).is_err(), "{body}");
        }
    }
}
