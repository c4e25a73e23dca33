//! The public HTTP API, which the edge and the origin share: bodies, errors and header names.
//!
//! Input is parsed once into validated types, and unknown fields are errors that name the field.
//! Inputs and results keep their original bytes. Nothing here is asynchronous or reads a clock, and
//! everything builds for wasm32.

pub mod accept;
pub mod body;
pub mod chat;
pub mod completions;
mod create;
mod embeddings;
pub mod generation;
pub mod headers;
mod health;
pub mod hops;
mod input;
mod job;
mod keys;
mod ledger;
mod list;
mod load;
mod members;
mod models;
mod numbers;
mod openai;
pub mod openapi;
mod parameters;
pub mod prefer;
pub mod problem;
mod revoked;
pub mod rfc3339;
pub mod routes;
pub mod sse;
pub mod text;
pub mod timeouts;
pub mod topics;
pub mod trace;
mod worker;

pub use create::{CreateJob, CreateJobBody, MAX_ATTEMPTS, MAX_LABELS};
pub use embeddings::{
    EmbeddingView, EmbeddingsNotes, EmbeddingsRequest, EmbeddingsResponse, Encoding, MAX_INPUTS, Usage,
    Vector,
};
pub use health::{HealthView, Status};
pub use input::ModelRequest;
pub use job::{EventPage, EventView, HoldView, JobView};
pub use keys::{CreateKey, KeyPage, KeyView};
pub use ledger::{Applied, MAX_STATES, StateLine, StateReport};
pub use list::{JobPage, ListJobs};
pub use load::LoadStep;
pub use models::{ModelPage, ModelView};
pub use openai::not_served;
pub use problem::{Problem, Shape};
pub use revoked::{Closed, RevokedKey};
pub use worker::{WorkerPage, WorkerView};
