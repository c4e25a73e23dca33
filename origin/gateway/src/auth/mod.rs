//! Authentication. The origin accepts requests that the edge signed, and local callers with the
//! development key. It knows no other keys, and takes job ids from the edge only.

mod admit;
mod admit_error;
mod body_budget;
mod credentials;
mod extract;
mod loopback;
mod read;

pub(crate) use admit::{Admitted, Authenticator, continued_traceparent, idempotency};
pub(crate) use body_budget::BodyBudget;
pub use credentials::{Credentials, LocalKey, LocalKeyError};
pub(crate) use extract::{AnyCaller, LocalCaller, SignedByEdge};
pub(crate) use loopback::{check_request, loopback_guard, sent};
