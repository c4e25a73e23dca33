//! Request bodies. The bounds are the parsers' own constants, and tests hold the schemas and the parsers against each
//! other.

mod chat;
mod completions;
mod embeddings;
mod generation;
mod jobs;
mod messages;
mod service;

use cortex_domain::id::ModelName;
use serde_json::Value;

pub(super) use self::jobs::topic;
pub(super) use self::service::{job_id, key_id, principal, role, state, tenant};
use super::schema::{Components, name};

pub(super) fn components() -> Components {
    [
        chat::components(),
        completions::components(),
        embeddings::components(),
        jobs::components(),
        service::components(),
    ]
    .concat()
}

fn model() -> Value {
    name("-_.:/A-Za-z0-9", ModelName::MAX)
}
