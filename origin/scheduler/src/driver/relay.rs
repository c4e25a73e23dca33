//! Carries the store's outbox to the bus.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::ports::{AppendError, Sequence, StoreError};
use cortex_domain::subject::Subject;
use cortex_domain::task::Cancel;
use cortex_domain::transition::OutboxMessage;
use cortex_wire::{encode_cancel, encode_submit};

use tokio::sync::Semaphore;

use super::Driver;
use crate::core::Input;

const PAGE: usize = 256;
/// How long to trust that the store says when there is more.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Runs until the scheduler stops.
pub(super) async fn run(driver: Arc<Driver>) {
    let mut after = Sequence::default();
    let mut seen = 0;
    let room = Arc::new(Semaphore::new(PAGE));
    while !driver.stop.is_cancelled() {
        match carry(&driver, &mut after, &room).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::error!(%error, "the outbox could not be carried; it is tried again"),
        }
        tokio::select! {
            () = driver.stop.cancelled() => return,
            now = driver.store.changed(seen) => seen = now,
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// Why a page was not carried. It is carried again, from its first message.
#[derive(Debug, thiserror::Error)]
enum CarryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bus(#[from] AppendError),
}

/// Carries one page.
async fn carry(
    driver: &Arc<Driver>,
    after: &mut Sequence,
    room: &Arc<Semaphore>,
) -> Result<usize, CarryError> {
    let page = driver.store.outbox(*after, PAGE).await?;
    for outbound in &page {
        match &outbound.message {
            OutboxMessage::Submit { job } => {
                driver.bus.append(Subject::JOB_SUBMIT, encode_submit(*job)).await?
            }
            OutboxMessage::Abort { job, lease, worker } => {
                let cancel = Cancel { job: *job, lease: *lease, worker: worker.clone() };
                driver.bus.publish(Subject::JOB_CANCEL, encode_cancel(&cancel));
                // Something else than this scheduler may have taken the job from its worker.
                driver.handle(Input::Changed { job: *job }, room);
            }
        }
    }
    let Some(last) = page.last().map(|outbound| outbound.sequence) else { return Ok(0) };
    let sequences: Vec<_> = page.into_iter().map(|outbound| outbound.sequence).collect();
    let carried = sequences.len();
    driver.store.relayed(sequences).await?;
    *after = last;
    Ok(carried)
}
