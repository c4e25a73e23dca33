//! The link: one gRPC stream with packets of the bus between the origin and a worker without a
//! broker.
//!
//! The origin's end listens on the bus on behalf of the worker, and sends each job with its input.
//! The worker's end is an [`Origin`](crate::origin::Origin) that reconnects after a loss. Neither
//! end has state that a crash could lose: the store decides by the lease what a report may change.
//!
//! Workers on the same machine use a Unix socket, others TLS over TCP. A worker authenticates with
//! a token that is bound to its pools, and identifies the origin by the SHA-256 of its certificate.

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
