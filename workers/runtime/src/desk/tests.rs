use bytes::Bytes;
use cortex_domain::event::Timings;
use cortex_domain::flow::{End, Outcome};
use cortex_domain::id::JobId;
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::state::Attempt;
use cortex_domain::time::Timestamp;

use super::*;

fn held(n: u32) -> HeldLease {
    let mut dispatch = [0; 16];
    dispatch[..4].copy_from_slice(&n.to_be_bytes());
    HeldLease {
        job: JobId::mint(Timestamp::from_millis(1), [0; 10]),
        lease: Lease { attempt: Attempt(1), dispatch: DispatchId::new(dispatch) },
    }
}

fn report(n: u32, bytes: usize) -> Report {
    let HeldLease { job, lease } = held(n);
    let end = End::Succeeded { timings: Timings::default() };
    Report {
        outcome: Outcome { job, lease, worker: "w".parse().unwrap(), end },
        draft: Some((Pointer::draft(Memory::Local, job, lease.dispatch), Bytes::from(vec![0; bytes]))),
    }
}

fn done(desk: &mut Desk, n: u32, bytes: usize) {
    assert!(matches!(desk.take(held(n)), Taken::Run(_)));
    desk.end(held(n).lease, Some(report(n, bytes)));
    desk.handed(held(n).lease, Instant::now());
}

#[test]
fn a_job_beyond_the_capacity_goes_back() {
    let mut desk = Desk::new(1);
    assert!(matches!(desk.take(held(1)), Taken::Run(_)));
    assert!(matches!(desk.take(held(2)), Taken::Return));
    desk.end(held(1).lease, None);
    assert!(matches!(desk.take(held(2)), Taken::Run(_)));
}

#[test]
fn a_draining_worker_gives_jobs_back() {
    let mut desk = Desk::new(9);
    desk.drain();
    assert!(matches!(desk.take(held(1)), Taken::Return));
}

#[test]
fn a_repeated_job_is_not_run_again() {
    let mut desk = Desk::new(9);
    assert!(matches!(desk.take(held(1)), Taken::Run(_)));
    assert!(matches!(desk.take(held(1)), Taken::Ignore));
    desk.end(held(1).lease, Some(report(1, 3)));
    assert!(matches!(desk.take(held(1)), Taken::Again(again) if again == report(1, 3)));
}

#[test]
fn a_job_cancelled_before_it_came_is_not_run() {
    let mut desk = Desk::new(9);
    desk.cancel(held(1).lease);
    assert!(matches!(desk.take(held(1)), Taken::Ignore));
}

#[test]
fn a_running_job_is_stopped_and_its_slot_freed() {
    let mut desk = Desk::new(1);
    let Taken::Run(stop) = desk.take(held(1)) else { panic!("it runs") };
    desk.cancel(held(1).lease);
    assert!(stop.is_cancelled());
    desk.end(held(1).lease, None);
    assert_eq!(desk.held(), []);
    assert!(matches!(desk.take(held(1)), Taken::Ignore));
}

#[tokio::test(start_paused = true)]
async fn a_report_handed_over_just_before_a_loss_is_handed_over_again() {
    let mut desk = Desk::new(9);
    done(&mut desk, 1, 0);
    tokio::time::advance(UNCONFIRMED_PERIOD).await;
    done(&mut desk, 2, 0);
    assert_eq!(desk.unsent(), []);
    desk.lost(Instant::now());
    assert_eq!(desk.unsent(), [report(2, 0)]);
}

#[tokio::test]
async fn what_is_remembered_is_bounded_by_number_and_bytes() {
    let mut desk = Desk::new(9);
    for n in 0..1000 {
        done(&mut desk, n, 10);
    }
    assert_eq!((desk.past.len(), desk.bytes), (REMEMBERED, REMEMBERED * 10));
    for n in 1000..1010 {
        done(&mut desk, n, REMEMBERED_BYTES / 4);
    }
    assert_eq!((desk.past.len(), desk.bytes), (4, REMEMBERED_BYTES));
}

#[test]
fn an_unsent_report_is_not_forgotten() {
    let mut desk = Desk::new(9);
    for n in 0..500 {
        assert!(matches!(desk.take(held(n)), Taken::Run(_)));
        desk.end(held(n).lease, Some(report(n, 10)));
    }
    assert_eq!(desk.unsent().len(), 500);
}
