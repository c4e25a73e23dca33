//! A safety kernel that does not respond.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cortex_domain::call::{CallRefusal, CallReply};
use cortex_domain::fair::Sharing;
use cortex_domain::policy::{Decision, PolicyRequest};
use cortex_domain::ports::{Answer, Jobs, SafetyError, SafetyGate};
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use cortex_scheduler::{Parts, Scheduler};
use std::time::Duration;
use tokio::sync::watch;

use super::scheduler_fixture::SchedulerFixture;

const ASKS: usize = 16;

/// A safety kernel that does not respond while it hangs.
struct UnresponsiveGate {
    gate: Arc<dyn SafetyGate>,
    hangs: watch::Receiver<bool>,
    open: watch::Sender<usize>,
    most: AtomicUsize,
}

impl SafetyGate for UnresponsiveGate {
    fn check(&self, request: PolicyRequest, now: Timestamp) -> Answer<'_, Result<Decision, SafetyError>> {
        Box::pin(async move {
            self.open.send_modify(|open| *open += 1);
            self.most.fetch_max(*self.open.borrow(), Ordering::SeqCst);
            let mut hangs = self.hangs.clone();
            let _ = hangs.wait_for(|hangs| !hangs).await;
            self.open.send_modify(|open| *open -= 1);
            self.gate.check(request, now).await
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_kernel_holds_a_fixed_number_of_requests_and_delays_no_report() {
    let mut fixture = SchedulerFixture::new().await;
    let (hang, hangs) = watch::channel(false);
    let (open, mut opened) = watch::channel(0);
    let parts = fixture.parts();
    let gate =
        Arc::new(UnresponsiveGate { gate: parts.gate.clone(), hangs, open, most: AtomicUsize::new(0) });
    let mut parts = Parts { gate: gate.clone(), ..parts };
    parts.settings.sharing = Sharing { asks: ASKS, ..Sharing::default() };
    let scheduler = Scheduler::start(parts).await.unwrap();
    fixture.beat(&[]).await;
    fixture.submit(fixture.request()).await;
    let running = fixture.task().await;
    fixture.begin(&running).await;

    hang.send_replace(true);
    let mut jobs = Vec::new();
    for _ in 0..300 {
        jobs.push(fixture.submit(fixture.request()).await);
    }
    let call = fixture.call(&fixture.request());
    let soon = Duration::from_secs(10);
    let all = opened.wait_for(|open| *open == ASKS + 1);
    tokio::time::timeout(soon, all).await.expect("the kernel is asked in time").unwrap();
    fixture.beat(&[&running]).await;
    fixture.succeed(running.job, running.lease).await;
    fixture.until(running.job, StateName::Succeeded).await;

    hang.send_replace(false);
    while jobs.len() > 290 {
        fixture.beat(&[]).await;
        let task = fixture.task().await;
        fixture.succeed(task.job, task.lease).await;
        jobs.retain(|job| *job != task.job);
    }
    assert_eq!(gate.most.load(Ordering::SeqCst), ASKS + 1, "the call's request beside those of jobs");
    scheduler.stop().await;
    assert!(matches!(
        call.await.unwrap(),
        CallReply::Ended { .. } | CallReply::Refused(CallRefusal::Stopping)
    ));
    assert!(fixture.store.job(running.job).await.unwrap().is_some());
}
