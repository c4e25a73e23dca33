//! A running node, which stops its roles in the order of their dependencies.

use std::fmt;
use std::net::SocketAddr;

use crate::engines::OpenBus;
use crate::gateway::GatewayHandle;
use crate::scheduler::SchedulerHandle;
use crate::tasks::Tasks;

/// A running node.
pub struct Handle {
    /// The APIs, if the node has the role `gateway`.
    pub gateway: Option<GatewayHandle>,
    /// The scheduler and the workers' link, if the node has the role `scheduler`.
    pub scheduler: Option<SchedulerHandle>,
    /// The address of the metrics endpoint. `None` if it is disabled.
    pub metrics: Option<SocketAddr>,
    pub(crate) bus: OpenBus,
    pub(crate) background: Tasks,
}

impl Handle {
    /// Stops accepting requests and waits for the open ones, which may need the workers.
    pub async fn close(&self) {
        if let Some(gateway) = &self.gateway {
            gateway.close().await;
        }
    }

    /// Closes the APIs, then stops every role. Durable jobs continue at the next start, or at
    /// another scheduler.
    pub async fn stop(self) {
        if let Some(gateway) = self.gateway {
            gateway.stop().await;
        }
        if let Some(scheduler) = self.scheduler {
            scheduler.stop().await;
        }
        self.background.end().await;
        self.bus.close().await;
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("gateway", &self.gateway)
            .field("scheduler", &self.scheduler)
            .finish_non_exhaustive()
    }
}
