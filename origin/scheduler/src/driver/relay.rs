//! Carries the store's outbox to the bus.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::ports::{BusError, Outbound, Sequence, StoreError};
use cortex_domain::subject::Subject;
use cortex_domain::task::Cancel;
use cortex_domain::transition::Message;
use cortex_wire::{encode_cancel, encode_submit};

use super::Driver;

const PAGE: usize = 256;
/// How long to trust that the store says when there is more.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Runs until the scheduler stops.
pub(super) async fn run(driver: Arc<Driver>) {
    let mut after = Sequence::default();
    let mut seen = 0;
    while !driver.stop.is_cancelled() {
        match carry(&driver, &mut after).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::error!(%error, "the outbox could not be read; it is tried again"),
        }
        tokio::select! {
            () = driver.stop.cancelled() => return,
            now = driver.store.changed(seen) => seen = now,
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// Carries one page. A message that nobody took is let go: the reconciler finds its job in the store. A page
/// that could not be forgotten is carried again.
async fn carry(driver: &Driver, after: &mut Sequence) -> Result<usize, StoreError> {
    let page = driver.store.outbox(*after, PAGE).await?;
    for outbound in &page {
        if let Err(error) = send(driver, outbound).await {
            tracing::debug!(%error, "a message of the outbox was not taken");
        }
    }
    let Some(last) = page.last().map(|outbound| outbound.sequence) else { return Ok(0) };
    let sequences: Vec<_> = page.into_iter().map(|outbound| outbound.sequence).collect();
    let carried = sequences.len();
    driver.store.relayed(sequences).await?;
    *after = last;
    Ok(carried)
}

async fn send(driver: &Driver, outbound: &Outbound) -> Result<(), BusError> {
    match &outbound.message {
        Message::Submit { job } => driver.bus.publish(Subject::JOB_SUBMIT, encode_submit(*job)).await,
        Message::Abort { job, lease, worker } => {
            let cancel = Cancel { job: *job, lease: *lease, worker: worker.clone() };
            driver.bus.publish(Subject::JOB_CANCEL, encode_cancel(&cancel)).await
        }
    }
}
