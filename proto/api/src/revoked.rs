//! `POST /internal/revoked`: the edge tells the origin of an API key that no longer holds.

use cortex_domain::id::KeyId;
use serde::{Deserialize, Serialize};

use crate::body::Checked;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// A key of the tenant that the request is signed for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokedKey {
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "KeyId"))]
    pub key: KeyId,
}

impl RevokedKey {
    /// # Errors
    /// If the body names no key.
    pub fn parse(body: Checked<'_>) -> Result<Self, Problem> {
        let mut given = Parameters::body(body)?;
        let key = given.parsed("key")?;
        given.none_left(|_| None)?;
        Ok(Self { key })
    }
}

/// What the revoked key had open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Closed {
    /// How much of what was open under the key has been told to end.
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
