//! Relays the store's outbox to the bus.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::ports::{AppendError, MessageId, Sequence, StoreError};
use cortex_domain::subject::Subject;
use cortex_domain::task::Cancel;
use cortex_domain::transition::OutboxMessage;
use cortex_wire::{encode_cancel, encode_submit};

use tokio::sync::Semaphore;

use super::Driver;
use crate::core::Input;

const PAGE_SIZE: usize = 256;
/// How long to rely on the store's notification before the outbox is read anyway.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Runs until the scheduler stops.
pub(super) async fn run(driver: Arc<Driver>) {
    let mut after = Sequence::default();
    let mut seen = 0;
    let mut gained = driver.gained.subscribe();
    let permits = Arc::new(Semaphore::new(PAGE_SIZE));
    while !driver.stop.is_cancelled() {
        // Messages of new shares may wait before the last one that was read. The same is true of own
        // ones that were read while it was not known whose they are.
        if gained.has_changed().unwrap_or_default() || !driver.is_current() {
            gained.mark_unchanged();
            after = Sequence::default();
        }
        match relay_page(&driver, &mut after, &permits).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(%error, "the outbox could not be relayed; the scheduler tries again")
            }
        }
        tokio::select! {
            () = driver.stop.cancelled() => return,
            now = driver.store.changed(seen) => seen = now,
            _ = gained.changed() => gained.mark_changed(),
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// Why a page was not relayed. It is relayed again from its first message.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bus(#[from] AppendError),
}

/// Relays the messages of the own shares in one page. Returns how many messages the page has.
async fn relay_page(
    driver: &Arc<Driver>,
    after: &mut Sequence,
    permits: &Arc<Semaphore>,
) -> Result<usize, RelayError> {
    let page = driver.store.outbox(*after, PAGE_SIZE).await?;
    let mut relayed = Vec::new();
    for outbound in &page {
        // Its owner relays it.
        if !driver.owns(outbound.message.share()) {
            continue;
        }
        match &outbound.message {
            OutboxMessage::Submit { job, share } => {
                let id = MessageId(outbound.sequence.0);
                driver.bus.append_once(Subject::submit(*share), id, encode_submit(*job)).await?
            }
            OutboxMessage::Abort { job, lease, worker } => {
                let cancel = Cancel { job: *job, lease: *lease, worker: worker.clone() };
                driver.bus.publish(Subject::cancel(worker), encode_cancel(&cancel));
                // Another component may have taken the job from its worker.
                driver.handle(Input::Changed { job: *job }, permits);
            }
        }
        relayed.push(outbound.sequence);
    }
    let Some(last) = page.last().map(|outbound| outbound.sequence) else { return Ok(0) };
    if !relayed.is_empty() {
        driver.store.relayed(relayed).await?;
    }
    *after = last;
    Ok(page.len())
}
