//! Who may come in: what the edge signed, or a local caller with the development key. The origin knows no
//! other keys and takes ids from nobody but the edge.

mod admit;
mod budget;
mod credentials;
mod read;

pub(crate) use admit::{Admitted, Door, idempotency, traceparent};
pub use credentials::{Credentials, LocalKey, LocalKeyError};
