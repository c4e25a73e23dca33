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

fn done(in_flight: &mut InFlight, n: u32, bytes: usize) {
    assert!(matches!(in_flight.admit(held(n)), Admission::Run(_)));
    in_flight.finish(held(n).lease, Some(report(n, bytes)));
    in_flight.mark_sent(held(n).lease, Instant::now());
}

#[test]
fn a_job_beyond_the_capacity_goes_back() {
    let mut in_flight = InFlight::new(1);
    assert!(matches!(in_flight.admit(held(1)), Admission::Run(_)));
    assert!(matches!(in_flight.admit(held(2)), Admission::Return));
    in_flight.finish(held(1).lease, None);
    assert!(matches!(in_flight.admit(held(2)), Admission::Run(_)));
}

#[test]
fn a_draining_worker_gives_jobs_back() {
    let mut in_flight = InFlight::new(9);
    in_flight.drain();
    assert!(matches!(in_flight.admit(held(1)), Admission::Return));
}

#[test]
fn a_repeated_job_is_not_run_again() {
    let mut in_flight = InFlight::new(9);
    assert!(matches!(in_flight.admit(held(1)), Admission::Run(_)));
    assert!(matches!(in_flight.admit(held(1)), Admission::Ignore));
    in_flight.finish(held(1).lease, Some(report(1, 3)));
    assert!(matches!(in_flight.admit(held(1)), Admission::Repeat(again) if again == report(1, 3)));
}

#[test]
fn a_job_cancelled_before_it_came_is_not_run() {
    let mut in_flight = InFlight::new(9);
    in_flight.cancel(held(1).lease);
    assert!(matches!(in_flight.admit(held(1)), Admission::Ignore));
}

#[test]
fn a_running_job_is_stopped_and_its_slot_freed() {
    let mut in_flight = InFlight::new(1);
    let Admission::Run(stop) = in_flight.admit(held(1)) else { panic!("it runs") };
    in_flight.cancel(held(1).lease);
    assert!(stop.is_cancelled());
    in_flight.finish(held(1).lease, None);
    assert_eq!(in_flight.held(), []);
    assert!(matches!(in_flight.admit(held(1)), Admission::Ignore));
}

#[tokio::test(start_paused = true)]
async fn a_report_handed_over_just_before_a_loss_is_handed_over_again() {
    let mut in_flight = InFlight::new(9);
    done(&mut in_flight, 1, 0);
    tokio::time::advance(UNCONFIRMED_PERIOD).await;
    done(&mut in_flight, 2, 0);
    assert_eq!(in_flight.unsent(), []);
    in_flight.mark_lost(Instant::now());
    assert_eq!(in_flight.unsent(), [report(2, 0)]);
}

#[tokio::test]
async fn what_is_remembered_is_bounded_by_number_and_bytes() {
    let mut in_flight = InFlight::new(9);
    for n in 0..1000 {
        done(&mut in_flight, n, 10);
    }
    assert_eq!((in_flight.finished.len(), in_flight.bytes), (REMEMBERED, REMEMBERED * 10));
    for n in 1000..1010 {
        done(&mut in_flight, n, REMEMBERED_BYTES / 4);
    }
    assert_eq!((in_flight.finished.len(), in_flight.bytes), (4, REMEMBERED_BYTES));
}

#[test]
fn an_unsent_report_is_not_forgotten() {
    let mut in_flight = InFlight::new(9);
    for n in 0..500 {
        assert!(matches!(in_flight.admit(held(n)), Admission::Run(_)));
        in_flight.finish(held(n).lease, Some(report(n, 10)));
    }
    assert_eq!(in_flight.unsent().len(), 500);
}
