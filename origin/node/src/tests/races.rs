//! Races between the scheduler's parts, each forced into the harmful order.

use std::time::Duration;

use cortex_domain::call::{CallRefusal, CallReply};
use cortex_domain::id::WorkerId;
use cortex_domain::job::{Limits, Request};
use cortex_domain::ports::{AuditLog, Audited, Bus, Sequence};
use cortex_domain::state::StateName;
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::task::TaskReply;
use cortex_domain::worker::Heartbeat;
use cortex_scheduler::Scheduler;

use super::scheduler_fixture::{SchedulerFixture, next_task};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_ends_while_the_reconciler_reads_it_takes_no_slot() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    fixture.beat(&[]).await;
    let mut tasks = Vec::new();
    for _ in 0..2 {
        fixture.submit(fixture.request()).await;
        let task = fixture.task().await;
        fixture.begin(&task).await;
        tasks.push(task);
    }
    fixture.store.open_jobs.arm();
    fixture.manual_clock.advance(Duration::from_secs(10));
    fixture.beat(&[&tasks[0], &tasks[1]]).await;
    fixture.store.open_jobs.reached().await;
    // While the reconciler still considers these two running, they end and two others take their
    // slots.
    for task in &tasks {
        fixture.succeed(task.job, task.lease).await;
        fixture.until(task.job, StateName::Succeeded).await;
    }
    for _ in 0..2 {
        fixture.submit(fixture.request()).await;
        let task = fixture.task().await;
        fixture.succeed(task.job, task.lease).await;
        fixture.until(task.job, StateName::Succeeded).await;
    }
    fixture.store.open_jobs.resume();
    fixture.beat(&[]).await;
    fixture.store.open_jobs.arm();
    fixture.manual_clock.advance(Duration::from_secs(10));
    fixture.beat(&[]).await;
    fixture.store.open_jobs.reached().await;
    fixture.submit(fixture.request()).await;
    fixture.task().await;
    fixture.store.open_jobs.resume();
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_begins_even_if_its_release_is_announced_at_once() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    fixture.beat(&[]).await;
    fixture.submit(fixture.request()).await;
    fixture.store.relayed.notified().await;
    let first = fixture.task().await;
    fixture.begin(&first).await;
    fixture.fail(&first).await;
    fixture.until(first.job, StateName::Pending).await;
    fixture.store.release.arm();
    fixture.manual_clock.advance(Duration::from_secs(1));
    fixture.store.release.reached().await;
    fixture.store.relayed.notified().await;
    fixture.store.release.resume();
    assert_eq!(fixture.task().await.job, first.job);
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_becomes_durable_during_its_policy_check_is_placed() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    fixture.gate.check.arm();
    let request = fixture.request();
    let call = fixture.call(&request);
    fixture.gate.check.reached().await;
    fixture.keep(request.id).await;
    assert!(matches!(call.await.unwrap(), CallReply::Kept { .. }));
    fixture.gate.check.resume();
    fixture.beat(&[]).await;
    assert_eq!(fixture.task().await.job, request.id);
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_request_to_keep_a_job_changes_nothing() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    let request = fixture.request();
    let call = fixture.call(&request);
    fixture.keep(request.id).await;
    assert!(matches!(call.await.unwrap(), CallReply::Kept { .. }));
    fixture.keep(request.id).await;
    // The scheduler has recorded that no worker has room, so the job has been in the queue.
    fixture.manual_clock.advance(Duration::from_secs(2));
    fixture.keep(request.id).await;
    fixture.beat(&[]).await;
    assert_eq!(fixture.task().await.job, request.id);
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_about_a_job_that_is_not_recovered_yet_counts() {
    let mut fixture = SchedulerFixture::new().await;
    let before = fixture.start().await;
    fixture.beat(&[]).await;
    let id = fixture.submit(fixture.request()).await;
    let task = fixture.task().await;
    fixture.begin(&task).await;
    before.stop().await;
    fixture.store.open_jobs.arm();
    let after = tokio::spawn(Scheduler::start(fixture.parts()));
    fixture.store.open_jobs.reached().await;
    fixture.succeed(id, task.lease).await;
    fixture.until(id, StateName::Succeeded).await;
    fixture.store.open_jobs.resume();
    after.await.unwrap().unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_follows_the_wall_clock_and_not_the_uptime() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    fixture.beat(&[]).await;
    let deadline = fixture.clock.now().after(Duration::from_secs(3600));
    let limits = Limits { deadline: Some(deadline), ..fixture.request().limits };
    let id = fixture.submit(Request { limits, ..fixture.request() }).await;
    let task = fixture.task().await;
    fixture.begin(&task).await;
    // The machine slept. Its own clock stopped, but the real time went on.
    fixture.manual_clock.set(deadline);
    fixture.until(id, StateName::Timeout).await;
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_expires_even_if_the_safety_kernel_does_not_respond() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    fixture.beat(&[]).await;
    for _ in 0..2 {
        fixture.submit(fixture.request()).await;
    }
    let (fails, falls_silent) = (fixture.task().await, fixture.task().await);
    fixture.begin(&fails).await;
    fixture.begin(&falls_silent).await;
    fixture.fail(&fails).await;
    fixture.until(fails.job, StateName::Pending).await;
    fixture.gate.check.arm();
    fixture.manual_clock.advance(Duration::from_secs(1));
    fixture.gate.check.reached().await;
    fixture.manual_clock.advance(Duration::from_secs(10));
    fixture.until(falls_silent.job, StateName::Pending).await;
    fixture.gate.check.resume();
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_call_is_rejected_when_the_scheduler_stops() {
    let fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    fixture.gate.check.arm();
    let call = fixture.call(&fixture.request());
    fixture.gate.check.reached().await;
    fixture.gate.check.resume();
    scheduler.stop().await;
    assert_eq!(call.await.unwrap(), CallReply::Refused(CallRefusal::Stopping));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_disconnect_was_lost_is_cancelled() {
    let fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    fixture.gate.check.arm();
    let call = fixture.call(&fixture.request());
    fixture.gate.check.reached().await;
    fixture.gate.check.resume();
    fixture.manual_clock.advance(Duration::from_secs(300 + 121));
    let CallReply::Ended { job, .. } = call.await.unwrap() else { panic!("it has not ended") };
    assert_eq!(job.state.name(), StateName::Cancelled);
    scheduler.stop().await;
}

#[tokio::test]
async fn every_decision_is_in_the_audit_log_before_the_job_is_sent() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    fixture.beat(&[]).await;
    let id = fixture.submit(fixture.request()).await;
    fixture.task().await;
    let audit = fixture.store.audit(Sequence(0), 9).await.unwrap();
    let [Audited { entry, .. }] = &audit[..] else { panic!("{audit:?}") };
    let read = (entry.action.as_str(), entry.decision.as_str(), &entry.subject, entry.detail.as_str());
    assert_eq!(read, ("policy.check", "ALLOW", &id.to_string(), "default.allow[job.>]"));
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_for_a_model_goes_to_a_worker_that_has_loaded_it_and_has_room() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    let other: WorkerId = "w2".parse().unwrap();
    let mut others = fixture.bus.respond(Filter::worker(&other)).await.unwrap();

    // Each worker becomes known when it gets a job that the one before has no room for.
    fixture.beat(&[]).await;
    let mut first = Vec::new();
    for _ in 0..2 {
        fixture.submit(fixture.request()).await;
        first.push(fixture.task().await);
    }
    let models = vec!["a".parse().unwrap(), "b".parse().unwrap()];
    let (pool, topics) = ("echo".parse().unwrap(), vec!["job.echo".parse().unwrap()]);
    let heartbeat = Heartbeat { models, ..Heartbeat::new(other, "echo", pool, topics, 4) };
    let subject = Subject::heartbeat(&heartbeat.worker, &heartbeat.pool);
    fixture.bus.publish(subject, cortex_wire::encode_heartbeat(&heartbeat));
    for _ in 0..3 {
        let job = fixture.submit(fixture.request()).await;
        assert_eq!(next_task(&mut others).await.0.job, job);
    }
    for task in first {
        fixture.succeed(task.job, task.lease).await;
        fixture.until(task.job, StateName::Succeeded).await;
    }
    let for_none = fixture.submit(fixture.request()).await;
    assert_eq!(fixture.task().await.job, for_none, "it is the least loaded");

    let for_b = || Request { model: Some("b".parse().unwrap()), ..fixture.request() };
    let (one, more) = (for_b(), for_b());
    let job = fixture.submit(one).await;
    assert_eq!(next_task(&mut others).await.0.job, job, "it has the model");
    let job = fixture.submit(more).await;
    assert_eq!(fixture.task().await.job, job, "the other one is full");
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_replaces_a_lost_reply() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    fixture.beat(&[]).await;
    let job = fixture.submit(fixture.request()).await;
    let task = fixture.task().await;
    fixture.replies.lock().unwrap().clear();
    fixture.until(job, StateName::Scheduled).await;
    fixture.beat(&[&task]).await;
    fixture.until(job, StateName::Running).await;
    fixture.succeed(job, task.lease).await;
    fixture.until(job, StateName::Succeeded).await;
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_busy_worker_rejected_is_sent_after_its_next_heartbeat() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = fixture.start().await;
    fixture.beat(&[]).await;
    let job = fixture.submit(fixture.request()).await;
    let refused = fixture.task().await;
    fixture.reply(refused.lease, TaskReply::Busy);
    fixture.until(job, StateName::Pending).await;
    fixture.beat(&[]).await;
    let taken = fixture.task().await;
    assert_eq!((taken.job, taken.lease == refused.lease), (job, false));
    fixture.begin(&taken).await;
    scheduler.stop().await;
}
