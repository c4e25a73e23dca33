//! Checks that a corrupt row is a named error and is never sent.

use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use cortex_guard::ledger::{Ending, HeldBody, LedgerJob, LedgerPlace};

use super::database::Database;
use super::{at, id};
use crate::ledger::jobs::row::{CorruptJob, Fault};
use crate::ledger::jobs::table;

const FAR: Timestamp = Timestamp::from_millis(u64::MAX / 4096);

fn job(n: u64, place: LedgerPlace) -> LedgerJob {
    LedgerJob { id: id(n), updated: at(0), place }
}

fn waiting(n: u64) -> LedgerJob {
    job(n, LedgerPlace::Waiting { body: HeldBody { bytes: 5, offloaded: true }, failed: 1, due: at(3) })
}

fn sending(n: u64) -> LedgerJob {
    job(n, LedgerPlace::Sending { body: HeldBody { bytes: 5, offloaded: false }, failed: 0, lease: at(3) })
}

fn at_origin(n: u64) -> LedgerJob {
    job(n, LedgerPlace::AtOrigin { origin_id: id(n), state: StateName::Running, version: 2 })
}

fn ended(n: u64) -> LedgerJob {
    job(n, LedgerPlace::Ended(Ending::Cancelled))
}

/// Changes the row of a job, and returns the result of reading it.
fn damaged(job: &LedgerJob, change: &str) -> (Database, Result<LedgerJob, Fault>) {
    let database = Database::with(std::slice::from_ref(job));
    database.0.execute(&format!("UPDATE job SET {change}"), []).unwrap();
    let read = database.find(job).map(|stored| stored.job).map_err(|CorruptJob { id, fault }| {
        assert_eq!(id, job.id.to_string());
        fault
    });
    (database, read)
}

#[test]
fn a_job_at_an_unknown_place_is_an_error_and_not_waiting() {
    for place in ["", "Waiting", "waiting ", "lost", "origin2"] {
        for job in [waiting(1), sending(1), at_origin(1), ended(1)] {
            let (database, read) = damaged(&job, &format!("place = '{place}'"));
            assert_eq!(read, Err(Fault::UnknownPlace(place.to_owned())));
            assert_eq!((database.due(FAR), database.next_due()), (vec![], None), "it is not sent");
            assert_eq!(database.held().jobs, 0);
        }
    }
}

#[test]
fn a_combination_that_no_transition_makes_is_an_error() {
    let impossible = |place, column| Err(Fault::Impossible { place, column });
    for (job, change, fault) in [
        (waiting(1), "due = NULL", impossible("waiting", "due")),
        (waiting(1), "message = NULL", impossible("waiting", "message")),
        (waiting(1), "state = 'RUNNING'", impossible("waiting", "state")),
        (sending(1), "due = NULL", impossible("sending", "due")),
        (sending(1), "message = NULL", impossible("sending", "message")),
        (sending(1), "state = 'SUCCEEDED'", impossible("sending", "state")),
        (at_origin(1), "due = 3", impossible("origin", "due")),
        (at_origin(1), "message = 'm'", impossible("origin", "message")),
        (ended(1), "due = 3", impossible("ended", "due")),
        (ended(1), "message = 'm'", impossible("ended", "message")),
        (ended(1), "state = 'PENDING'", impossible("ended", "state")),
        (ended(1), "state = 'FAILED'", impossible("ended", "error")),
    ] {
        assert_eq!(damaged(&job, change).1, fault, "{change}");
    }
}

#[test]
fn a_column_that_can_not_be_read_is_an_error_that_names_it() {
    for (job, change, column) in [
        (waiting(1), "facts = 'x'", "facts"),
        (waiting(1), "facts = '{\"topic\": \"no topic at all\"}'", "facts"),
        (waiting(1), "state = 'LOST'", "state"),
        (waiting(1), "sends = -1", "sends"),
        (waiting(1), "due = -1", "due"),
        (at_origin(1), "origin_id = ''", "origin_id"),
        (at_origin(1), "version = -2", "version"),
        (at_origin(1), "state = ''", "state"),
        (ended(1), "error = 'x'", "error"),
    ] {
        assert_eq!(damaged(&job, change).1, Err(Fault::Unreadable(column)), "{change}");
    }
}

#[test]
fn a_corrupt_row_that_is_set_aside_is_never_due_and_never_forgotten() {
    for (job, change) in [
        (waiting(1), "state = 'RUNNING'"),
        (sending(1), "facts = 'x'"),
        (waiting(1), "sends = -1"),
        (waiting(1), "message = NULL"),
    ] {
        let (database, _) = damaged(&job, change);
        database.insert(&waiting(2));
        let id = job.id.to_string();
        assert_eq!(database.due(FAR).len(), 2);
        // Setting it aside twice changes nothing more.
        for _ in 0..2 {
            database.run(table::set_aside(&id));
            assert!(matches!(
                database.find(&job).unwrap_err().fault,
                Fault::UnknownPlace(_) | Fault::Unreadable("facts")
            ));
        }
        assert_eq!(database.due(FAR), [waiting(2).id.to_string()], "the other is sent");
        assert_eq!(database.held().jobs, 1);
        for statement in table::prune(FAR) {
            database.run(statement);
        }
        assert!(database.find(&job).is_err(), "it is still there");
    }
}

#[test]
fn a_valid_row_that_the_ledger_released_is_not_set_aside() {
    let database = Database::with(&[at_origin(1)]);
    database.run(table::set_aside(&id(1).to_string()));
    assert_eq!(database.find(&at_origin(1)).unwrap().job, at_origin(1));
}
