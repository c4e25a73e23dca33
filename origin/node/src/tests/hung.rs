//! A safety kernel that does not answer.

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

use super::races::Table;

const ASKS: usize = 16;

/// Answers nothing while it hangs.
struct Hung {
    gate: Arc<dyn SafetyGate>,
    hangs: watch::Receiver<bool>,
    open: watch::Sender<usize>,
    most: AtomicUsize,
}

impl SafetyGate for Hung {
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
async fn a_kernel_that_hangs_costs_a_fixed_number_of_requests_and_holds_no_report_up() {
    let mut table = Table::set().await;
    let (hang, hangs) = watch::channel(false);
    let (open, mut opened) = watch::channel(0);
    let parts = table.parts();
    let gate = Arc::new(Hung { gate: parts.gate.clone(), hangs, open, most: AtomicUsize::new(0) });
    let mut parts = Parts { gate: gate.clone(), ..parts };
    parts.settings.sharing = Sharing { asks: ASKS, ..Sharing::default() };
    let scheduler = Scheduler::start(parts).await.unwrap();
    table.beat(&[]).await;
    table.submit(table.request()).await;
    let running = table.task().await;
    table.begin(&running).await;

    hang.send_replace(true);
    let mut jobs = Vec::new();
    for _ in 0..300 {
        jobs.push(table.submit(table.request()).await);
    }
    let call = table.call(&table.request());
    let soon = Duration::from_secs(10);
    let all = opened.wait_for(|open| *open == ASKS + 1);
    tokio::time::timeout(soon, all).await.expect("the kernel is asked in time").unwrap();
    table.beat(&[&running]).await;
    table.succeed(running.job, running.lease).await;
    table.until(running.job, StateName::Succeeded).await;

    hang.send_replace(false);
    while jobs.len() > 290 {
        table.beat(&[]).await;
        let task = table.task().await;
        table.succeed(task.job, task.lease).await;
        jobs.retain(|job| *job != task.job);
    }
    assert_eq!(gate.most.load(Ordering::SeqCst), ASKS + 1, "the call's request beside those of jobs");
    scheduler.stop().await;
    assert!(matches!(
        call.await.unwrap(),
        CallReply::Ended { .. } | CallReply::Refused(CallRefusal::Stopping)
    ));
    assert!(table.store.job(running.job).await.unwrap().is_some());
}
