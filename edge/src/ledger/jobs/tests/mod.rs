//! The statements of the jobs' table on a real SQLite, compared with the pure transition.

mod bulk;
mod corrupt;
mod database;
mod round_trip;

use std::collections::BTreeMap;

use cortex_api::problem::ErrorView;
use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use cortex_guard::ledger::{Ending, HeldBody, LedgerJob, LedgerPlace};
use proptest::prelude::*;

use super::entry::Facts;
use super::row::Stored;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + millis)
}

fn id(n: u64) -> JobId {
    JobId::mint(at(n), [7; 10])
}

fn error() -> ErrorView {
    ErrorView { r#type: "urn:x".into(), title: "t".into(), detail: "d".into(), param: Some("p".into()) }
}

/// Returns a stored job with defaults for the other columns.
fn stored(job: LedgerJob) -> Stored {
    let bytes = job.body().map_or(1, |body| body.bytes);
    let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let facts = Facts {
        topic: "job.echo".parse().unwrap(),
        labels,
        max_attempts: Some(2),
        deadline_ms: Some(3),
        bytes,
    };
    Stored { job, facts, created: at(1), hops: "edge.received=1".to_owned() }
}

/// Times are close together, so that some are equal.
fn time() -> impl Strategy<Value = Timestamp> {
    (0..20u64).prop_map(at)
}

fn body() -> impl Strategy<Value = HeldBody> {
    (1..1_000_000u64, any::<bool>()).prop_map(|(bytes, offloaded)| HeldBody { bytes, offloaded })
}

fn place() -> impl Strategy<Value = LedgerPlace> {
    let ending =
        prop_oneof![Just(Ending::Cancelled), Just(Ending::Failed(error())), Just(Ending::Denied(error()))];
    prop_oneof![
        4 => (body(), 0..4u32, time())
            .prop_map(|(body, failed, due)| LedgerPlace::Waiting { body, failed, due }),
        1 => (body(), 0..4u32, time())
            .prop_map(|(body, failed, lease)| LedgerPlace::Sending { body, failed, lease }),
        1 => (0..9u64, prop::sample::select(StateName::ALL), 0..1000u64)
            .prop_map(|(n, state, version)| LedgerPlace::AtOrigin { origin_id: id(n), state, version }),
        1 => ending.prop_map(LedgerPlace::Ended),
    ]
}

/// Returns some jobs with different ids.
fn jobs() -> impl Strategy<Value = Vec<LedgerJob>> {
    prop::collection::vec((time(), place()), 1..12).prop_map(|all| {
        let job = |(n, (updated, place))| LedgerJob { id: id(n), updated, place };
        (100..).zip(all).map(job).collect()
    })
}
