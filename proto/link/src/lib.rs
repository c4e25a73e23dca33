//! The link: one gRPC stream of the bus's own packets between the origin and a worker without a broker.
//!
//! The origin's end listens on the bus on the worker's behalf and sends each job with its input; the worker's end
//! is an [`Origin`](crate::origin::Origin) that comes back after a loss. Neither keeps state that a crash could
//! take along: what a report may change is decided by its lease, in the store.
//!
//! Workers of the same machine use a Unix socket, others TLS over TCP. A worker shows a token that is bound to its pools, and
//! knows the origin by the SHA-256 of its certificate.

mod address;
mod admission;
mod assigned;
mod client;
mod connection;
mod connections;
mod dial;
mod hello;
mod limits;
mod links;
mod listen;
mod log_limit;
mod metrics;
pub mod origin;
mod outbox;
mod server;
mod session;
mod shared;
mod tls;
mod tokens;

#[cfg(test)]
mod tests;

pub use address::{LinkAddress, MissingCertificate, Route, TcpAddress};
pub use client::{Dial, Link, open};
pub use limits::Limits;
pub use listen::{BindError, Listener};
pub use server::{STOP_TIMEOUT, Server};
pub use tls::{Fingerprint, Identity, IdentityError, fingerprint_of_pem};
pub use tokens::{TokenHash, TokenId, Tokens, WorkerToken, new_token};
