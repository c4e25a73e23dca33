//! Builds a node from its configuration: first what every role uses, then its roles.

use std::sync::Arc;

use cortex_bus::payload::{Reach, TieredPayloads};
use cortex_domain::ports::Payloads;
use cortex_platform::clock::Clock;
use cortex_platform::process;
use tokio::net::TcpListener;

use crate::common::Common;
use crate::config::Config;
use crate::engines::{OpenBus, open_store};
use crate::error::BuildError;
use crate::gateway::{self, ApiSockets};
use crate::handle::Handle;
use crate::home::Home;
use crate::metrics::NodeMetrics;
use crate::role::{Role, Roles, RolesError};
use crate::scheduler;
use crate::secrets::Secrets;
use crate::tasks::Tasks;

/// Maximum size of the payloads of open synchronous calls, in bytes.
const MAX_CALL_PAYLOAD_BYTES: usize = 256 * 1024 * 1024;

/// Bound sockets, so that a port in use is reported before anything starts.
#[derive(Debug)]
pub struct Sockets {
    /// The sockets of the APIs. Needed for the role `gateway` only.
    pub api: Option<ApiSockets>,
    /// The socket of the metrics endpoint. `None` if it is disabled.
    pub metrics: Option<TcpListener>,
}

/// Starts the roles of a node: the gateway, the scheduler with the workers' link, or both, with the
/// safety kernel unless it is remote.
///
/// # Errors
/// Returns an error if the roles don't fit the configuration, the store can't be opened or a
/// component can't be set up.
pub async fn build(
    config: Config,
    roles: &Roles,
    home: &Home,
    secrets: &Secrets,
    sockets: Sockets,
) -> Result<Handle, BuildError> {
    roles.check(&config)?;
    let registry = process::registry(env!("CARGO_PKG_VERSION"));
    let store = open_store(home, &config, &registry).await?;
    let reach = if store.is_shared() { Reach::Store } else { Reach::Process };
    let payloads = store.clone() as Arc<dyn Payloads>;
    let bus = OpenBus::open(&config.bus, &registry).await?;
    let common = Common {
        store,
        payloads: Arc::new(TieredPayloads::new(payloads, MAX_CALL_PAYLOAD_BYTES, reach)),
        bus: bus.bus(),
        clock: Clock::system(),
        registry,
    };
    let background = Tasks::default();
    let scheduler = match roles.has(Role::Scheduler) {
        true => Some(scheduler::start(&config, &common, home, secrets).await?),
        false => None,
    };
    let gateway = match (roles.has(Role::Gateway), sockets.api) {
        (true, Some(api)) => Some(gateway::start(&config, &common, home, secrets, api, &background).await?),
        (true, None) => return Err(RolesError::NoSockets.into()),
        (false, _) => None,
    };
    let metrics = sockets.metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    if let Some(listener) = sockets.metrics {
        let metrics = NodeMetrics::new(common.registry, common.store, config.worker_metrics);
        let bus = bus.clone();
        let read = move || {
            let (metrics, bus) = (metrics.clone(), bus.clone());
            async move {
                bus.measure().await;
                metrics.read().await
            }
        };
        background.tracker.spawn(cortex_gateway::serve_metrics(listener, read, background.stop.clone()));
    }
    Ok(Handle { gateway, scheduler, metrics, bus, background })
}
