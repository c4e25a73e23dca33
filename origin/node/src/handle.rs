//! A running node, which stops its components in the order of their dependencies.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use cortex_domain::id::Pool;
use cortex_gateway::Gateway;
use cortex_link::{Route, STOP_TIMEOUT, Tokens};
use cortex_scheduler::Scheduler;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engines::OpenBus;
use crate::link::local_id;

/// How long the workers' links may take to end: the time in which their server cuts the last one,
/// and a little more.
pub(crate) const LINKS_TIMEOUT: Duration = STOP_TIMEOUT.saturating_add(Duration::from_secs(2));

/// A running node.
pub struct Handle {
    /// The address of the HTTP API.
    pub address: SocketAddr,
    /// The address of the metrics endpoint. `None` if it is disabled.
    pub metrics: Option<SocketAddr>,
    /// Where workers on this machine connect.
    pub link: Route,
    /// Where workers on other machines connect.
    pub remote_link: Option<Route>,
    pub(crate) tokens: Tokens,
    pub(crate) gateway: Gateway,
    pub(crate) scheduler: Scheduler,
    pub(crate) bus: OpenBus,
    pub(crate) apis: Tasks,
    pub(crate) links: Tasks,
    pub(crate) reporter: Tasks,
}

/// Tasks that end with one token.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) stop: CancellationToken,
    pub(crate) tracker: TaskTracker,
}

impl Tasks {
    /// Stops the tasks and waits until they have ended.
    async fn end(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Handle {
    /// Creates a token for workers of one pool, which is valid until this node stops.
    #[must_use]
    pub fn worker_token(&self, pool: &Pool) -> String {
        self.tokens.issue(local_id(pool), [pool.clone()])
    }

    /// Stops accepting requests and waits for the open ones, which may need the workers.
    pub async fn close(&self) {
        self.apis.end().await;
    }

    /// Closes the APIs, then stops every component. Durable jobs continue at the next start.
    pub async fn stop(self) {
        self.close().await;
        self.gateway.stop().await;
        if timeout(LINKS_TIMEOUT, self.links.end()).await.is_err() {
            tracing::error!(
                "the workers' links did not end in time: the node stops without waiting for them"
            );
        }
        self.scheduler.stop().await;
        self.reporter.end().await;
        self.bus.close().await;
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("address", &self.address).finish_non_exhaustive()
    }
}
