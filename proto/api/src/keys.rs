//! The edge's signed admin routes for API keys.

use std::str::FromStr;

use cortex_domain::id::{KeyId, ParseError, Principal, Role, Tenant};
use cortex_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::parameters::{Parameters, wrong};
use crate::body::Checked;
use crate::problem::Problem;

/// `POST /internal/keys`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "Tenant"))]
    pub tenant: Tenant,
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "Principal"))]
    pub principal: Principal,
    #[serde(default, with = "crate::text::list")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<Role>>"))]
    pub roles: Vec<Role>,
}

impl CreateKey {
    /// Parses and validates a body.
    ///
    /// # Errors
    /// Returns a problem that names the invalid field.
    pub fn parse(body: Checked<'_>) -> Result<Self, Problem> {
        let mut given = Parameters::body(body)?;
        let (tenant, principal) = (given.parsed("tenant")?, given.parsed("principal")?);
        let roles = given.optional::<Vec<String>>("roles", "a list of strings")?.unwrap_or_default();
        given.none_left(|_| None)?;
        let roles = roles.iter().map(|role| read("roles", role)).collect::<Result<_, _>>()?;
        Ok(Self { tenant, principal, roles })
    }
}

fn read<T: FromStr<Err = ParseError>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| wrong(name, format!("`{name}`: {error}")))
}

/// An API key without its hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyView {
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "KeyId"))]
    pub id: KeyId,
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "Tenant"))]
    pub tenant: Tenant,
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "Principal"))]
    pub principal: Principal,
    #[serde(with = "crate::text::list")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Role>"))]
    pub roles: Vec<Role>,
    #[serde(with = "crate::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "Timestamp"))]
    pub created_at: Timestamp,
    pub revoked: bool,
    /// The key itself. Only the response that creates the key has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl std::fmt::Debug for KeyView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyView({} of {}, revoked: {})", self.id, self.tenant, self.revoked)
    }
}

/// `GET /internal/keys?tenant=`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyPage {
    pub keys: Vec<KeyView>,
}
