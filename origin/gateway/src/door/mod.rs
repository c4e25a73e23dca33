//! Who may come in: what the edge signed, or a local caller with the development key. The origin knows no
//! other keys and takes ids from nobody but the edge.

mod admit;
mod budget;
mod credentials;
mod enter;
mod extract;
mod read;
mod turned_away;

pub(crate) use admit::{Admitted, Door, idempotency, traceparent};
pub(crate) use budget::Budget;
pub use credentials::{Credentials, LocalKey, LocalKeyError};
pub(crate) use enter::{enter, rule, sent};
pub(crate) use extract::{Anybody, LocalCaller, SignedByEdge};
