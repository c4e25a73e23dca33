//! `GET /health`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "HealthStatus"))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// The service runs, but one of its dependencies is unavailable.
    Degraded,
}

/// The health of a service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthView {
    pub status: Status,
    /// `edge`, `gateway` or `worker`.
    pub service: String,
    pub version: String,
    /// The state of each dependency by name: `ok` or a short text.
    pub checks: BTreeMap<String, String>,
}
