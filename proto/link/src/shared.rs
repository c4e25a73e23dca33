//! The state that the server and its links share.

use std::fmt::Display;
use std::sync::Arc;

use cortex_domain::id::WorkerId;
use cortex_domain::ports::{Bus, Payloads};
use cortex_domain::worker::Heartbeat;
use tokio_util::sync::CancellationToken;

use super::assigned::Assigned;
use super::limits::Limits;
use super::links::{EnterError, Links};
use super::metrics::Metrics;
use super::tokens::{TokenId, Tokens};

pub(super) struct Shared {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) payloads: Arc<dyn Payloads>,
    pub(super) limits: Limits,
    pub(super) tokens: Tokens,
    pub(super) assigned: Assigned,
    pub(super) links: Links,
    pub(super) stopping: CancellationToken,
    pub(super) metrics: Metrics,
}

impl Shared {
    pub(super) fn new(
        bus: Arc<dyn Bus>,
        payloads: Arc<dyn Payloads>,
        tokens: Tokens,
        limits: Limits,
    ) -> Arc<Self> {
        Arc::new(Self {
            bus,
            payloads,
            limits,
            tokens,
            assigned: Assigned::default(),
            links: Links::default(),
            stopping: CancellationToken::new(),
            metrics: Metrics::default(),
        })
    }

    /// Counts a frame that the worker was not allowed to send.
    pub(super) fn drop_frame(&self, worker: &WorkerId, reason: &dyn Display) {
        self.metrics.dropped.inc();
        tracing::warn!(%worker, %reason, "dropped a worker's frame");
    }

    pub(super) fn dropped(&self) -> u64 {
        self.metrics.dropped.get()
    }
}

/// A worker's entry among the links. It is released when this is dropped, however the link ended.
pub(super) struct Presence {
    shared: Arc<Shared>,
    ended: CancellationToken,
}

impl Presence {
    /// Adds a worker that has a token for its pool.
    pub(super) fn enter(
        shared: &Arc<Shared>,
        token: TokenId,
        worker: &Heartbeat,
    ) -> Result<Self, EnterError> {
        let ended = shared.stopping.child_token();
        shared.links.enter(&worker.worker, token, worker.pool.clone(), ended.clone())?;
        Ok(Self { shared: Arc::clone(shared), ended })
    }

    /// Returns the token that is cancelled when the link must end or has ended.
    pub(super) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Ends the link and releases its entry.
    pub(super) fn end(&self) {
        self.ended.cancel();
        self.shared.links.tidy();
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use cortex_bus::Embedded;
    use cortex_bus::payload::InMemory;

    use super::super::links::MAX_LINKS_PER_TOKEN;
    use super::*;
    use crate::tests::origin::worker;

    #[tokio::test]
    async fn a_worker_that_leaves_before_its_link_starts_frees_its_entry() {
        let (bus, payloads) = (Arc::new(Embedded::default()), Arc::new(InMemory::default()));
        let shared = Shared::new(bus, payloads, Tokens::default(), Limits::default());
        let enter = |n| Presence::enter(&shared, "a".parse().unwrap(), &worker(&format!("w{n}")));
        let all: Vec<_> = (0..MAX_LINKS_PER_TOKEN).map(|n| enter(n).unwrap()).collect();
        assert!(enter(MAX_LINKS_PER_TOKEN).is_err());
        let ended = all[0].ended().clone();
        drop(all);
        assert!(ended.is_cancelled());
        assert!(enter(MAX_LINKS_PER_TOKEN).is_ok());
    }
}
