//! The bodies of the public HTTP API, the same on the edge and the origin, and those the two exchange.
//!
//! What comes in is parsed once into validated parts; unknown fields are refused by name. Inputs and results
//! are carried as the bytes they came in.

pub mod chat;
pub mod completions;
mod create;
mod embeddings;
pub mod generation;
mod health;
mod job;
mod keys;
mod ledger;
mod list;
mod load;
mod members;
mod models;
mod numbers;
mod openai;
mod parameters;
mod revoked;
mod worker;

#[cfg(test)]
mod refusals;

pub use create::{CreateJob, CreateJobBody, MAX_ATTEMPTS, MAX_LABELS};
pub use embeddings::{
    EmbeddingView, EmbeddingsNotes, EmbeddingsRequest, EmbeddingsResponse, Encoding, MAX_INPUTS, Usage,
    Vector,
};
pub use health::{HealthView, Status};
pub use job::{EventPage, EventView, HoldView, JobView};
pub use keys::{CreateKey, KeyPage, KeyView};
pub use ledger::{Applied, MAX_STATES, StateLine, StateReport};
pub use list::{JobPage, ListJobs};
pub use load::LoadStep;
pub use models::{ModelPage, ModelView};
pub use openai::not_served;
pub use revoked::{Closed, RevokedKey};
pub use worker::{WorkerPage, WorkerView};
