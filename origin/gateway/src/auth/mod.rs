//! Who may come in: what the edge signed, or a local caller with the development key. The origin knows no
//! other keys and takes ids from nobody but the edge.

mod admit;
mod admit_error;
mod body_budget;
mod credentials;
mod extract;
mod loopback;
mod read;

pub(crate) use admit::{Admitted, Authenticator, idempotency, traceparent};
pub(crate) use body_budget::BodyBudget;
pub use credentials::{Credentials, LocalKey, LocalKeyError};
pub(crate) use extract::{AnyCaller, LocalCaller, SignedByEdge};
pub(crate) use loopback::{check_request, loopback_guard, sent};
