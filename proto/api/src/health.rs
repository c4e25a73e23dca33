//! `GET /health`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// It serves, but something it needs is away.
    Degraded,
}

/// What a part says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HealthView {
    pub status: Status,
    /// `edge`, `gateway`, `worker`.
    pub service: String,
    pub version: String,
    /// What it needs, by name, and how each does: `ok` or a short word.
    pub checks: BTreeMap<String, String>,
}
