//! The origin's door: HTTP for what the edge and local callers send.
//!
//! `door` turns a request into an admitted one, `routes` names every path, and each verb has a file
//! of its own. `call` carries synchronous calls over the bus, `watch` tells who waits for a durable job,
//! `ledger` tells the edge where jobs stand.

mod call;
pub mod door;
mod embeddings;
mod gateway;
mod health;
mod jobs;
pub mod ledger;
mod models;
mod refuse;
mod routes;
mod serve;
mod watch;
mod workers;

pub use door::{Credentials, LocalKey};
pub use gateway::{Gateway, Parts};
pub use serve::serve;
