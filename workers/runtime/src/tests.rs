mod engines;
mod linked;
mod origin;

use std::time::Duration;

use bytes::Bytes;
use cortex_domain::flow::End;
use cortex_domain::state::{Failure, FailureKind};
use cortex_domain::task::ProgressKind;
use cortex_link::origin::Inbound;
use tokio::time::Instant;

use crate::RunError;
use crate::echo::Echo;
use engines::{AnswersBytes, FailsWith, Loads, NeverReturns, Panics, SendsFrames};
use origin::{HEARTBEAT, Harness, RUN_LIMIT, task};

const SECOND: Duration = Duration::from_secs(1);

fn broken(detail: &str) -> End {
    End::Failed { failure: Failure::new(FailureKind::Broken, detail) }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_answered_under_its_lease() {
    let mut harness = Harness::with(Echo);
    let task = task();
    harness.send(&task, r#"{"text": "hi"}"#);
    let report = harness.report().await;
    assert_eq!((report.outcome.job, report.outcome.lease), (task.job, task.lease));
    assert!(matches!(report.outcome.end, End::Succeeded { .. }));
    assert_eq!(report.draft, Some((task.draft, Bytes::from(r#"{"text": "hi"}"#))));
}

#[tokio::test(start_paused = true)]
async fn a_run_says_that_it_has_begun_and_how_long_it_took() {
    let mut harness = Harness::with(Echo);
    harness.send(&task(), r#"{"delay_ms": 1500}"#);
    let progress = harness.progress().await;
    assert_eq!((progress.seq, progress.what), (0, ProgressKind::Started));
    let End::Succeeded { timings } = harness.report().await.outcome.end else { panic!("it succeeds") };
    assert_eq!(timings.run_ms, 1500);
    let counts = harness.heartbeat().await.latency;
    assert_eq!((counts[11], counts.iter().sum::<u64>()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_short_run_says_nothing_before_its_report() {
    let mut harness = Harness::with(Echo);
    harness.send(&task(), r#"{"delay_ms": 1}"#);
    harness.report().await;
    assert!(harness.no_progress());
}

#[tokio::test(start_paused = true)]
async fn pieces_are_sent_in_order_and_in_frames_that_are_not_too_long() {
    let mut harness = Harness::with(SendsFrames);
    harness.send(&task(), &"x".repeat(40_000));
    let mut lengths = Vec::new();
    for seq in 0..4 {
        let progress = harness.progress().await;
        assert_eq!(progress.seq, seq);
        lengths.push(match progress.what {
            ProgressKind::Started => 0,
            ProgressKind::Frame(frame) => frame.len(),
        });
    }
    assert_eq!(lengths, [0, 16_384, 16_384, 7_232]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_reported_as_it_is() {
    let failure = Failure::new(FailureKind::InvalidInput, "no").at("p");
    let mut harness = Harness::with(FailsWith(failure.clone()));
    harness.send(&task(), "1");
    assert_eq!(harness.report().await.outcome.end, End::Failed { failure });
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_its_own_job_and_no_other() {
    let mut harness = Harness::with(Panics);
    for _ in 0..2 {
        harness.send(&task(), "1");
        assert_eq!(harness.report().await.outcome.end, broken("the worker failed while running the job"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_long_is_a_failure() {
    let mut harness = Harness::with(AnswersBytes(1001));
    harness.send(&task(), "1");
    assert_eq!(
        harness.report().await.outcome.end,
        broken("the result has 1001 bytes, more than the limit of 1000")
    );
}

#[tokio::test(start_paused = true)]
async fn a_loaded_model_is_reported_at_once() {
    let engine = Loads::default();
    let mut harness = Harness::with(engine.clone());
    assert_eq!(harness.heartbeat().await.models, []);
    for count in 1..=3 {
        let began = Instant::now();
        engine.load("m");
        let heartbeat = harness.heartbeat().await;
        assert_eq!((heartbeat.models.len(), heartbeat.memory_free), (count, 1000 - count as u64));
        assert!(began.elapsed() < HEARTBEAT / 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_ends_and_frees_its_slot() {
    let (engine, running) = NeverReturns::new();
    let mut harness = Harness::with_capacity(engine, 1);
    let (first, second) = (task(), task());
    harness.send(&first, "1");
    assert_eq!(harness.progress().await.what, ProgressKind::Started);
    assert_eq!(harness.heartbeat().await.held.len(), 1);
    harness.cancel(&first);
    running.none().await;
    assert_eq!(harness.heartbeat().await.held, []);
    harness.send(&second, "2");
    running.some().await;
    assert!(harness.no_report());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_too_long_is_ended() {
    let (engine, running) = NeverReturns::new();
    let mut harness = Harness::with(engine);
    let began = Instant::now();
    harness.send(&task(), "1");
    let End::Failed { failure } = harness.report().await.outcome.end else { panic!("it fails") };
    assert_eq!((failure.kind, began.elapsed().as_secs()), (FailureKind::Overran, RUN_LIMIT.as_secs()));
    running.none().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_until_its_run_ends() {
    let mut harness = Harness::with(Echo);
    let task = task();
    harness.send(&task, r#"{"delay_ms": 2750}"#);
    harness.progress().await;
    let mut beats = 0;
    while let Some(held) = harness.heartbeat().await.held.first() {
        assert_eq!((held.job, held.lease), (task.job, task.lease));
        beats += 1;
    }
    assert_eq!(beats, 2750 / HEARTBEAT.as_millis());
}

#[tokio::test(start_paused = true)]
async fn a_job_beyond_the_capacity_is_handed_back() {
    let (engine, _running) = NeverReturns::new();
    let mut harness = Harness::with_capacity(engine, 1);
    let (runs, waits) = (task(), task());
    harness.send(&runs, "1");
    harness.send(&waits, "2");
    let outcome = harness.report().await.outcome;
    assert_eq!((outcome.lease, outcome.end), (waits.lease, End::Returned));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_job_runs_once_and_is_reported_again() {
    let mut harness = Harness::with(Echo);
    let task = task();
    let input = r#"{"delay_ms": 1000}"#;
    harness.send(&task, input);
    harness.progress().await;
    harness.send(&task, input);
    let first = harness.report().await;
    harness.send(&task, input);
    assert_eq!(harness.report().await, first);
    assert_eq!(harness.heartbeat().await.latency.iter().sum::<u64>(), 1);
}

#[tokio::test(start_paused = true)]
async fn reports_that_the_origin_did_not_get_are_sent_when_it_is_back() {
    let mut harness = Harness::with(Echo);
    let (sure, unsure, unsent) = (task(), task(), task());
    harness.send(&sure, "1");
    harness.report().await;
    tokio::time::sleep(10 * SECOND).await;
    harness.send(&unsure, "2");
    harness.send(&unsent, r#"{"delay_ms": 1000}"#);
    harness.report().await;
    harness.lose();
    tokio::time::sleep(20 * SECOND).await;
    assert!(harness.no_report());

    harness.join();
    let again = [harness.report().await, harness.report().await];
    assert_eq!(again.map(|report| report.outcome.lease), [unsure.lease, unsent.lease]);
    tokio::time::sleep(20 * SECOND).await;
    assert!(harness.no_report());
}

#[tokio::test(start_paused = true)]
async fn a_draining_worker_says_so_ends_what_runs_and_returns_what_comes() {
    let mut harness = Harness::with(Echo);
    let (runs, late) = (task(), task());
    harness.send(&runs, r#"{"delay_ms": 2000}"#);
    harness.progress().await;
    harness.shutdown();
    while !harness.heartbeat().await.draining {}
    harness.send(&late, "1");
    let returned = harness.report().await.outcome;
    assert_eq!((returned.lease, returned.end), (late.lease, End::Returned));
    assert!(matches!(harness.report().await.outcome.end, End::Succeeded { .. }));
    assert_eq!(harness.ended().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_still_runs_after_the_grace_period_is_handed_back() {
    let (engine, running) = NeverReturns::new();
    let mut harness = Harness::with(engine);
    harness.send(&task(), "1");
    harness.progress().await;
    harness.shutdown();
    assert_eq!(harness.report().await.outcome.end, broken("the worker stopped before the run finished"));
    running.none().await;
    assert_eq!(harness.ended().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_refused_worker_ends() {
    let harness = Harness::with(Echo);
    harness.deliver(Inbound::Refused { reason: "the token is wrong".to_owned() });
    assert_eq!(harness.ended().await, Err(RunError::Refused("the token is wrong".to_owned())));
}
