//! `GET /health`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "HealthStatus"))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// It serves, but something it needs is away.
    Degraded,
}

/// What a door says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthView {
    pub status: Status,
    /// `edge` or `gateway`; a worker of its own says `worker`.
    pub service: String,
    pub version: String,
    /// What it needs, by name, and how each does: `ok` or a short word.
    pub checks: BTreeMap<String, String>,
}
