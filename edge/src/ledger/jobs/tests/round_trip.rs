//! Checks that a job reads back as it was written.

use cortex_guard::ledger::{HeldBody, LedgerJob, LedgerPlace};
use proptest::prelude::*;

use super::database::Database;
use super::{at, id, jobs, stored};
use crate::ledger::jobs::entry::Facts;
use crate::ledger::jobs::row::Row;
use crate::ledger::jobs::table;

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_job_is_read_as_it_was_written(jobs in jobs()) {
        let database = Database::with(&jobs);
        for job in &jobs {
            let read = database.find(job).unwrap();
            // The length of a body that the ledger no longer holds exists only in the facts.
            prop_assert_eq!(&read.job, job);
            prop_assert_eq!(&read, &stored(job.clone()));
        }
    }

    #[test]
    fn waiting_jobs_are_counted_and_due_jobs_are_found(jobs in jobs(), now in super::time()) {
        let database = Database::with(&jobs);
        let bodies: Vec<_> = jobs.iter().filter_map(LedgerJob::body).collect();
        let held = database.held();
        let bytes: u64 = bodies.iter().map(|body| body.bytes).sum();
        prop_assert_eq!((held.jobs, held.bytes), (bodies.len() as u64, bytes));

        let next = jobs.iter().filter_map(LedgerJob::due).min();
        prop_assert_eq!(database.next_due(), next.map(cortex_domain::time::Timestamp::as_millis));
        let mut due: Vec<_> = jobs.iter().filter(|job| job.due().is_some_and(|due| due <= now)).collect();
        due.sort_by_key(|job| (job.due(), job.id));
        let ids: Vec<_> = due.iter().map(|job| job.id.to_string()).collect();
        prop_assert_eq!(database.due(now), ids);
    }
}

fn waiting(n: u64) -> LedgerJob {
    let body = HeldBody { bytes: 5, offloaded: false };
    LedgerJob { id: id(n), updated: at(0), place: LedgerPlace::Waiting { body, failed: 0, due: at(3) } }
}

#[test]
fn the_message_is_deleted_when_the_ledger_releases_the_job() {
    let database = Database::with(&[waiting(1)]);
    let message = |job: &LedgerJob| -> Option<String> {
        let rows: Vec<serde_json::Value> = database.rows(table::write_for_sender(job).unwrap());
        rows[0]["message"].as_str().map(str::to_owned)
    };
    let body = HeldBody { bytes: 5, offloaded: false };
    let sending = LedgerPlace::Sending { body, failed: 0, lease: at(9) };
    assert_eq!(message(&LedgerJob { place: sending, ..waiting(1) }).as_deref(), Some("{}\nbody"));
    let state = cortex_domain::state::StateName::Pending;
    let at_origin = LedgerPlace::AtOrigin { origin_id: id(1), state, version: 0 };
    assert_eq!(message(&LedgerJob { place: at_origin, ..waiting(1) }), None);
}

#[test]
fn a_report_finds_every_job_that_the_origin_has_under_its_id() {
    let state = cortex_domain::state::StateName::Running;
    let at_origin =
        |n| LedgerJob { place: LedgerPlace::AtOrigin { origin_id: id(1), state, version: 2 }, ..waiting(n) };
    let database = Database::with(&[waiting(1), at_origin(2), at_origin(3), waiting(4)]);
    let rows: Vec<Row> = database.rows(table::find_at_origin(&id(1)));
    let mut found: Vec<_> = rows.into_iter().map(|row| row.id).collect();
    found.sort();
    assert_eq!(found, [1, 2, 3].map(|n| id(n).to_string()));
}

#[test]
fn a_row_of_an_older_version_takes_the_length_of_the_message() {
    let database = Database::with(&[waiting(1)]);
    let old = Facts { bytes: 0, ..stored(waiting(1)).facts };
    let mut old = serde_json::to_value(&old).unwrap();
    old.as_object_mut().unwrap().remove("bytes");
    database.0.execute("UPDATE job SET facts = ?", [old.to_string()]).unwrap();
    let length = "{}\nbody".len() as u64;
    assert_eq!(database.find(&waiting(1)).unwrap().job.body().unwrap().bytes, length);
    assert_eq!(database.held().bytes, length);
}

#[test]
fn old_jobs_are_forgotten_and_those_that_wait_are_not() {
    let state = cortex_domain::state::StateName::Succeeded;
    let done =
        LedgerJob { place: LedgerPlace::AtOrigin { origin_id: id(2), state, version: 2 }, ..waiting(2) };
    let database = Database::with(&[waiting(1), done]);
    let day = 24 * 3_600_000;
    for (now, left) in [(at(day), 2), (at(day + 1), 1)] {
        for statement in table::prune(now) {
            database.run(statement);
        }
        let rows: Vec<serde_json::Value> =
            database.rows(crate::object::sql::Statement::new("SELECT id FROM job", vec![]));
        assert_eq!(rows.len(), left);
    }
    assert!(database.find(&waiting(1)).is_ok());
}
