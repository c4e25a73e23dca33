//! The origin's doors: HTTP for what the edge and local callers send, gRPC for local callers.
//!
//! `door` turns a request into an admitted one. `routes` has the handlers in folders that mirror the paths, and builds the
//! router out of the table that both doors share; a handler names the parts of the gateway that it works with. `rpc` serves
//! jobs over gRPC. `calls` carries synchronous calls over the bus, `jobs` is what is kept, `watch` tells who waits for a
//! durable job, `waits` keeps each tenant to its share, `ledger` tells the edge where jobs stand. `generate` asks for texts,
//! which `stream` passes on as they grow.

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
