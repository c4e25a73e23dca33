//! The origin's doors: HTTP for what the edge and local callers send, gRPC for local callers.
//!
//! `door` turns a request into an admitted one, `routes` names every path, and each verb has a file
//! of its own; `rpc` serves the same verbs over gRPC. `call` carries synchronous calls over the bus, `watch` tells who waits for a durable job,
//! `waits` keeps each tenant to its share of them, `ledger` tells the edge where jobs stand. `generate` asks for texts, which `stream` passes on as they grow.

mod call;
mod calls;
mod connections;
pub mod door;
mod embeddings;
mod gateway;
mod generate;
mod health;
mod holders;
mod jobs;
pub mod ledger;
mod limits;
mod models;
mod offload;
mod readers;
mod refuse;
mod revoked;
mod routes;
mod rpc;
mod serve;
mod stream;
mod unread;
mod waits;
mod watch;
mod workers;

pub use door::{Credentials, LocalKey};
pub use gateway::{Gateway, Parts};
pub use limits::{Limits, Share};
pub use models::{Listing, Models};
pub use rpc::serve as serve_grpc;
pub use serve::serve;
