//! Carries the store's outbox to the bus.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::ports::{BusError, Message, Outbound, Sequence, StoreError};
use cortex_domain::subject::Subject;
use cortex_domain::task::Cancel;
use cortex_wire::{encode_cancel, encode_submit};

use crate::core::Core;

const PAGE: usize = 256;
/// How long to trust that the store says when there is more.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Runs until the scheduler stops.
pub(crate) async fn run(core: Arc<Core>) {
    let mut after = Sequence::default();
    let mut seen = 0;
    while !core.stop.is_cancelled() {
        match carry(&core, &mut after).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::error!(%error, "the outbox could not be read; it is tried again"),
        }
        tokio::select! {
            () = core.stop.cancelled() => return,
            now = core.store.changed(seen) => seen = now,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Carries one page. A message that nobody took is let go: the reconciler finds its job in the store. A page
/// that could not be forgotten is carried again.
async fn carry(core: &Core, after: &mut Sequence) -> Result<usize, StoreError> {
    let page = core.store.outbox(*after, PAGE).await?;
    for outbound in &page {
        if let Err(error) = send(core, outbound).await {
            tracing::debug!(%error, "a message of the outbox was not taken");
        }
    }
    let Some(last) = page.last().map(|outbound| outbound.sequence) else { return Ok(0) };
    let sequences: Vec<_> = page.into_iter().map(|outbound| outbound.sequence).collect();
    let carried = sequences.len();
    core.store.relayed(sequences).await?;
    *after = last;
    Ok(carried)
}

async fn send(core: &Core, outbound: &Outbound) -> Result<(), BusError> {
    match &outbound.message {
        Message::Submit { job } => core.bus.publish(Subject::JOB_SUBMIT, encode_submit(*job)).await,
        Message::Abort { job, lease, worker } => {
            let cancel = Cancel { job: *job, lease: *lease, worker: worker.clone() };
            core.bus.publish(Subject::JOB_CANCEL, encode_cancel(&cancel)).await
        }
    }
}
