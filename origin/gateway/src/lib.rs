//! The origin's APIs: HTTP for the edge and for local callers, and gRPC for local callers.
//!
//! `auth` authenticates requests. `routes` holds the handlers in folders that mirror the paths, and
//! builds the router from the route table that the edge and the origin share. A handler names the
//! components that it uses. `rpc` serves jobs over gRPC. `calls` runs synchronous calls over the
//! bus, and `jobs` handles durable jobs. `job_watcher` notifies callers that wait for them.
//! `concurrency` keeps each tenant within its share, and `ledger` reports job states to the edge.
//! `generate` handles requests for texts, and `stream` streams the responses.

pub mod auth;
mod background_tasks;
mod blocking;
mod calls;
mod concurrency;
mod connections;
mod error;
mod gateway;
mod generate;
mod job_watcher;
mod jobs;
pub mod ledger;
mod limits;
mod metrics;
mod metrics_endpoint;
mod models;
mod readers;
mod revocations;
mod routes;
mod rpc;
mod serve;
mod stream;
mod unread_bytes;
mod workers;

pub use auth::{Credentials, LocalKey, LocalKeyError};
pub use gateway::{Gateway, Parts};
pub use limits::{Limits, SharedLimit};
pub use metrics_endpoint::serve as serve_metrics;
pub use models::{ModelListing, Models};
pub use rpc::serve as serve_grpc;
pub use serve::serve;
