//! The kinds of requests to a ledger. Each request is defined beside its handler.

use cortex_guard::keys::{Caller, ShownKey};
use serde::{Deserialize, Serialize};

use crate::object::request::Request;

/// A request to a ledger.
pub(super) trait LedgerRequest: Request {
    /// Returns the reply of an empty ledger, or `None` if the request creates one. Only signed
    /// requests create a ledger, because a caller who can name a tenant must not be able to make an
    /// object store something.
    fn of_empty(&self) -> Option<Self::Reply>;
}

/// A request in the name of a key's owner. The ledger decides from its own record of the key who
/// that is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AsCaller<A>(pub(super) ShownKey, pub(super) A);

/// The reply to a caller with a valid key, and the caller.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CallerReply<T>(pub(super) Caller, pub(super) T);

impl<A: Request> Request for AsCaller<A> {
    const PATH: &'static str = A::PATH;
    /// `None` if the key is unknown, wrong or revoked.
    type Reply = Option<CallerReply<A::Reply>>;
}

impl<A: Request> LedgerRequest for AsCaller<A> {
    fn of_empty(&self) -> Option<Self::Reply> {
        Some(None)
    }
}

/// Asks for the caller.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WhoCalls;

impl Request for WhoCalls {
    const PATH: &'static str = "/who-calls";
    type Reply = ();
}

/// Declares requests: the path, the reply, and the reply of an empty ledger.
macro_rules! ledger_requests {
    ($($request:ty, $path:literal, $reply:ty, $of_empty:expr;)*) => {$(
        impl $crate::object::request::Request for $request {
            const PATH: &'static str = $path;
            type Reply = $reply;
        }

        impl $crate::ledger::requests::LedgerRequest for $request {
            fn of_empty(&self) -> Option<Self::Reply> {
                $of_empty
            }
        }
    )*};
}

pub(super) use ledger_requests;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use cortex_domain::id::{JobId, KeyId};
    use cortex_domain::time::Timestamp;
    use cortex_guard::keys::{ApiKey, Epoch, KeyRecord, Pepper};

    use super::*;
    use crate::ledger::jobs::requests::*;
    use crate::ledger::keys::requests::*;

    fn job() -> JobId {
        JobId::mint(Timestamp::from_millis(1), [7; 10])
    }

    fn key() -> ApiKey {
        ApiKey::mint([3; 40])
    }

    fn pepper() -> Pepper {
        "0a".repeat(32).parse().unwrap()
    }

    #[test]
    fn only_a_signed_request_begins_a_ledger_and_the_others_find_nothing_there() {
        let id: KeyId = key().id;
        assert!(AsCaller(key().shown(&pepper()), WhoCalls).of_empty().unwrap().is_none());
        assert!(TakeJob(job()).of_empty().unwrap().is_none());
        assert!(BuryJob(job()).of_empty().is_some());
        assert_eq!(ReportStates(vec![]).of_empty().unwrap().applied, 0);
        assert!(ListKeys.of_empty().unwrap().is_empty());
        assert_eq!(RevokeKey(id.clone()).of_empty(), Some(false));
        assert!(NoteRevocationDelivered(id).of_empty().is_some());
        let record = KeyRecord {
            id: key().id,
            tenant: "acme".parse().unwrap(),
            principal: "ci".parse().unwrap(),
            roles: vec![],
            hash: key().hash(&pepper()),
            epoch: Epoch::default(),
            created_at: Timestamp::from_millis(1),
        };
        assert!(PutKey(record).of_empty().is_none());
    }

    #[test]
    fn every_request_has_a_path_of_its_own() {
        let paths = [
            WhoCalls::PATH,
            AcceptJob::PATH,
            ClaimKey::PATH,
            LookAtJob::PATH,
            ListJobs::PATH,
            CancelJob::PATH,
            TakeJob::PATH,
            SettleJob::PATH,
            BuryJob::PATH,
            ReportStates::PATH,
            PutKey::PATH,
            ListKeys::PATH,
            RevokeKey::PATH,
            NoteRevocationDelivered::PATH,
        ];
        assert_eq!(HashSet::from(paths).len(), paths.len());
        assert!(paths.iter().all(|path| path.starts_with('/')));
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let asked = AsCaller(key().shown(&pepper()), LookAtJob(job()));
        let text = serde_json::to_string(&asked).unwrap();
        let AsCaller(shown, LookAtJob(id)) = serde_json::from_str(&text).unwrap();
        assert_eq!((shown, id), (key().shown(&pepper()), job()));
        let lease = Timestamp::from_millis(1_795_217_790_123);
        let taken = Some(LeasedJob { lease, message: "m\n".to_owned() });
        let read: Option<LeasedJob> = serde_json::from_str(&serde_json::to_string(&taken).unwrap()).unwrap();
        assert_eq!(read.unwrap().lease, lease, "a lease keeps its milliseconds");
    }
}
