//! The load of one tenant beside another's, at the scheduler.

use cortex_domain::call::{CallRefusal, CallReply};
use cortex_domain::fair::Sharing;
use cortex_domain::id::JobId;
use cortex_domain::job::{Owner, Priority, Request};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Feed, Jobs, Payloads};
use cortex_domain::retention::Retention;
use cortex_domain::state::StateName;
use cortex_domain::task::Task;
use cortex_scheduler::{Parts, Scheduler};
use std::time::Duration;

use super::scheduler_fixture::SchedulerFixture;

/// Returns a request of a tenant with the highest priority.
fn urgent(fixture: &SchedulerFixture, tenant: &str) -> Request {
    let request = fixture.request();
    let owner = Owner { tenant: tenant.parse().unwrap(), ..request.owner };
    Request { owner, priority: Priority::High, ..request }
}

fn modest(fixture: &SchedulerFixture, tenant: &str) -> Request {
    Request { priority: Priority::Low, ..urgent(fixture, tenant) }
}

async fn start(fixture: &SchedulerFixture, sharing: Sharing) -> Scheduler {
    let mut parts: Parts = fixture.parts();
    parts.settings.sharing = sharing;
    Scheduler::start(parts).await.unwrap()
}

/// Waits until the scheduler has found no worker with room for these jobs, and has queued them. The
/// worker keeps its leases.
async fn queued(fixture: &SchedulerFixture, jobs: &[JobId], held: &[&Task]) {
    let waits = async {
        for job in jobs {
            while fixture.store.job(*job).await.unwrap().unwrap().version.0 < 2 {
                fixture.manual_clock.advance(Duration::from_millis(1100));
                if !held.is_empty() {
                    fixture.beat(held).await;
                }
                // The scheduler reads the clock every tenth of a second of real time.
                let _ =
                    tokio::time::timeout(Duration::from_millis(150), fixture.store.changed(u64::MAX)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waits).await.expect("the jobs are queued in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_urgent_jobs_of_one_tenant_do_not_delay_another_tenants_job() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = start(&fixture, Sharing::default()).await;
    let mut hogs = Vec::new();
    for _ in 0..300 {
        hogs.push(fixture.submit(urgent(&fixture, "hog")).await);
    }
    queued(&fixture, &hogs, &[]).await;
    fixture.beat(&[]).await;
    let running = [fixture.task().await, fixture.task().await];
    let small = fixture.submit(modest(&fixture, "small")).await;
    queued(&fixture, &[small], &[&running[0], &running[1]]).await;
    fixture.succeed(running[0].job, running[0].lease).await;
    assert_eq!(fixture.task().await.job, small, "its turn comes before the other tenant's backlog");
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_fills_the_queue_leaves_room_and_all_its_jobs_end() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = start(&fixture, Sharing { queue: 16, ..Sharing::default() }).await;
    let mut hogs = Vec::new();
    for _ in 0..24 {
        hogs.push(fixture.submit(urgent(&fixture, "hog")).await);
    }
    hogs.sort();
    queued(&fixture, &hogs[..8], &[]).await;
    let small = fixture.submit(modest(&fixture, "small")).await;
    queued(&fixture, &[small], &[]).await;
    fixture.beat(&[]).await;
    let mut done = Vec::new();
    while done.len() < 25 {
        let task = match tokio::time::timeout(Duration::from_secs(2), fixture.task()).await {
            Ok(task) => task,
            // The remaining jobs are in the store until the reconciler reads them.
            Err(_) => {
                fixture.manual_clock.advance(Duration::from_secs(9));
                fixture.beat(&[]).await;
                continue;
            }
        };
        fixture.succeed(task.job, task.lease).await;
        fixture.until(task.job, StateName::Succeeded).await;
        done.push(task.job);
    }
    assert!(done[..2].contains(&small), "it is one of the first two");
    assert!(hogs.iter().all(|job| done.contains(job)));
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_at_its_limit_of_calls_is_rejected_and_another_is_served() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = start(&fixture, Sharing { calls: 4, ..Sharing::default() }).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..3 {
        calls.spawn(fixture.call(&urgent(&fixture, "hog")));
    }
    let refused = calls.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(refused, CallReply::Refused(CallRefusal::Crowded));

    let other = urgent(&fixture, "other");
    let answered = fixture.call(&other);
    fixture.beat(&[]).await;
    // The heartbeat may come before the call. Then both slots are taken, and the next one is for
    // the other tenant.
    let mut placed = Vec::new();
    while !placed.contains(&other.id) {
        assert!(placed.len() < 3, "it is placed among the first three");
        let task = fixture.task().await;
        placed.push(task.job);
        fixture.succeed(task.job, task.lease).await;
    }
    assert!(matches!(answered.await.unwrap(), CallReply::Ended { .. }));
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_deleted_after_its_retention_time() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = start(&fixture, Sharing::default()).await;
    fixture.beat(&[]).await;
    let id = fixture.submit(urgent(&fixture, "acme")).await;
    let task = fixture.task().await;
    fixture.succeed(id, task.lease).await;
    fixture.until(id, StateName::Succeeded).await;
    fixture.manual_clock.advance(Retention::default().ended + Retention::SWEEP_INTERVAL);
    let forgotten = async {
        while fixture.store.job(id).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), forgotten).await.expect("the job is deleted in time");
    assert_eq!(fixture.store.get(Pointer::result(fixture.store.memory(), id)).await.unwrap(), None);
    scheduler.stop().await;
}
