//! One tenant's load beside another's, at the scheduler.

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

/// A request of a tenant, as urgent as can be.
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

/// Waits until the scheduler has noted that no worker has room for these jobs, and so until they are in the queue. What the worker holds
/// it goes on to hold.
async fn queued(fixture: &SchedulerFixture, jobs: &[JobId], held: &[&Task]) {
    let waits = async {
        for job in jobs {
            while fixture.store.job(*job).await.unwrap().unwrap().version.0 < 2 {
                fixture.hands.advance(Duration::from_millis(1100));
                if !held.is_empty() {
                    fixture.beat(held).await;
                }
                // The scheduler looks at the clock every tenth of a second of real time.
                let _ =
                    tokio::time::timeout(Duration::from_millis(150), fixture.store.changed(u64::MAX)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waits).await.expect("the jobs are queued in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_urgent_jobs_of_one_tenant_do_not_hold_up_another_tenants_job() {
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
    assert_eq!(fixture.task().await.job, small, "its turn comes before the backlog of the other one");
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_whose_jobs_fill_the_queue_leaves_room_and_its_own_jobs_end_all_the_same() {
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
            // The rest is in the store, and the reconciler brings it.
            Err(_) => {
                fixture.hands.advance(Duration::from_secs(9));
                fixture.beat(&[]).await;
                continue;
            }
        };
        fixture.succeed(task.job, task.lease).await;
        fixture.until(task.job, StateName::Succeeded).await;
        done.push(task.job);
    }
    assert!(done[..2].contains(&small), "it is among the first");
    assert!(hogs.iter().all(|job| done.contains(job)));
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_with_its_share_of_calls_is_refused_and_another_is_taken() {
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
    // The heartbeat may come before the call: then both places are taken, and the next one is the other's.
    let mut placed = Vec::new();
    while !placed.contains(&other.id) {
        assert!(placed.len() < 3, "it is placed with the first of the others");
        let task = fixture.task().await;
        placed.push(task.job);
        fixture.succeed(task.job, task.lease).await;
    }
    assert!(matches!(answered.await.unwrap(), CallReply::Ended { .. }));
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_ended_longer_ago_than_jobs_are_kept_is_forgotten() {
    let mut fixture = SchedulerFixture::new().await;
    let scheduler = start(&fixture, Sharing::default()).await;
    fixture.beat(&[]).await;
    let id = fixture.submit(urgent(&fixture, "acme")).await;
    let task = fixture.task().await;
    fixture.succeed(id, task.lease).await;
    fixture.until(id, StateName::Succeeded).await;
    fixture.hands.advance(Retention::default().ended + Retention::SWEEP_INTERVAL);
    let forgotten = async {
        while fixture.store.job(id).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), forgotten).await.expect("it is forgotten in time");
    assert_eq!(fixture.store.get(Pointer::result(fixture.store.memory(), id)).await.unwrap(), None);
    scheduler.stop().await;
}
