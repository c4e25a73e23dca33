//! Builds a node from its configuration. Only this module chooses implementations.

use std::sync::Arc;

use cortex_bus::payload::TieredPayloads;
use cortex_domain::id::Tenant;
use cortex_domain::ports::{Payloads, SafetyGate};
use cortex_gateway::ledger::Edge;
use cortex_gateway::{Credentials, Gateway, Limits, LocalKey, Parts as GatewayParts};
use cortex_link::{Limits as LinkLimits, LinkAddress, Listener, Server, Tokens};
use cortex_platform::clock::Clock;
use cortex_platform::process;
use cortex_safety::{Kernel, Remote};
use cortex_scheduler::{Parts as SchedulerParts, Scheduler};
use tokio::net::TcpListener;

use crate::config::{Config, GatewayConfig, LinkConfig, SafetyConfig};
use crate::descriptors;
use crate::engines::{OpenBus, open_store};
use crate::error::BuildError;
use crate::handle::{Handle, Tasks};
use crate::home::Home;
use crate::link::{WorkerTokens, link_identity, worker_tokens};
use crate::metrics::NodeMetrics;
use crate::operator::operator_roles;
use crate::role::Roles;
use crate::secrets::Secrets;

/// Maximum size of the payloads of open synchronous calls, in bytes.
const MAX_CALL_PAYLOAD_BYTES: usize = 256 * 1024 * 1024;

/// Bound sockets, so that a port in use is reported before anything starts.
#[derive(Debug)]
pub struct Sockets {
    pub api: TcpListener,
    /// The socket of the gRPC API. `None` if it is disabled.
    pub grpc: Option<TcpListener>,
    /// The socket of the metrics endpoint. `None` if it is disabled.
    pub metrics: Option<TcpListener>,
}

/// Starts the roles of a node: the gateway, the scheduler with the workers' link, and the safety
/// kernel unless it is remote.
///
/// # Errors
/// Returns an error if the store can't be opened or a component can't be set up.
pub async fn build(
    config: Config,
    roles: &Roles,
    home: &Home,
    secrets: &Secrets,
    sockets: Sockets,
) -> Result<Handle, BuildError> {
    roles.check(&config.safety)?;
    let address = sockets.api.local_addr()?;
    let credentials = credentials(&config.gateway, secrets, address.ip().is_loopback())?;
    let gate = gate(&config.safety, &config.gateway.operator.tenant, secrets)?;
    let registry = process::registry(env!("CARGO_PKG_VERSION"));
    let jobs = open_store(home, &config.store, &registry).await?;
    let payloads = Arc::new(TieredPayloads::new(jobs.clone() as Arc<dyn Payloads>, MAX_CALL_PAYLOAD_BYTES));
    let open_bus = OpenBus::open(&config.bus, &registry).await?;
    let bus = open_bus.bus();
    let clock = Clock::system();

    let listeners = listen(home, &config.link).await?;
    let link = listeners.local.route().clone();
    let remote_link = listeners.remote.as_ref().map(|listener| listener.route().clone());
    let tokens = Tokens::default();
    let link_limits = LinkLimits { heartbeat: config.scheduler.heartbeat, ..LinkLimits::default() };
    let server = Server::new(bus.clone(), payloads.clone(), tokens.clone(), link_limits);
    server.register(&registry);
    let mut kept = WorkerTokens::of(home).changes();
    server.keep_tokens(worker_tokens(&kept.next()?.unwrap_or_default()));

    let scheduler = Scheduler::start(SchedulerParts {
        store: jobs.clone(),
        bus: bus.clone(),
        gate,
        clock: clock.clone(),
        settings: config.scheduler.clone(),
    })
    .await?;
    scheduler.register(&registry);
    let gateway = Gateway::start(GatewayParts {
        store: jobs.clone(),
        payloads,
        bus,
        clock: clock.clone(),
        catalogue: config.scheduler.catalogue.clone(),
        models: config.gateway.models(&config.models, home),
        credentials,
        sharing: config.scheduler.sharing.clone(),
        limits: within_descriptors(config.gateway.limits),
        allowed_hosts: config.gateway.operator.allowed_hosts,
    })
    .await?;
    gateway.register(&registry);

    let (apis, links, reporter) = (Tasks::default(), Tasks::default(), Tasks::default());
    for listener in [Some(listeners.local), listeners.remote].into_iter().flatten() {
        let (server, stop) = (server.clone(), links.stop.clone());
        links.tracker.spawn(async move {
            if let Err(error) = server.serve(listener, stop).await {
                tracing::error!(%error, "the workers' link failed");
            }
        });
    }
    links.tracker.spawn(kept.watch(server, links.stop.clone()));
    apis.tracker.spawn(cortex_gateway::serve(gateway.clone(), sockets.api, apis.stop.clone()));
    if let Some(listener) = sockets.grpc {
        let serving = cortex_gateway::serve_grpc(gateway.clone(), listener, apis.stop.clone());
        apis.tracker.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the gRPC API failed");
            }
        });
    }
    let metrics = sockets.metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    if let Some(listener) = sockets.metrics {
        let metrics = NodeMetrics::new(registry, jobs.clone(), config.worker_metrics);
        let bus = open_bus.clone();
        let read = move || {
            let (metrics, bus) = (metrics.clone(), bus.clone());
            async move {
                bus.measure().await;
                metrics.read().await
            }
        };
        reporter.tracker.spawn(cortex_gateway::serve_metrics(listener, read, reporter.stop.clone()));
    }
    if let Some(url) = config.gateway.edge {
        let edge = Edge::new(url, secrets.origin_keyring()?, clock)?;
        reporter.tracker.spawn(edge.run_reporter(jobs, reporter.stop.clone()));
    }
    Ok(Handle {
        address,
        metrics,
        link,
        remote_link,
        tokens,
        gateway,
        scheduler,
        bus: open_bus,
        apis,
        links,
        reporter,
    })
}

/// The sockets of the workers' link.
struct Listeners {
    local: Listener,
    remote: Option<Listener>,
}

async fn listen(home: &Home, config: &LinkConfig) -> Result<Listeners, BuildError> {
    let identity = link_identity(home)?;
    let local = LinkAddress::Unix(home.run().join("link.sock"));
    let remote = match config.listen {
        Some(address) => Some(Listener::bind(&LinkAddress::Tcp(address.into()), &identity).await?),
        None => None,
    };
    Ok(Listeners { local: Listener::bind(&local, &identity).await?, remote })
}

/// Returns the credentials of callers: the edge's signing keys and, on loopback only, the local
/// key.
fn credentials(config: &GatewayConfig, secrets: &Secrets, loopback: bool) -> Result<Credentials, BuildError> {
    let operator = &config.operator;
    let key = operator.api_key.as_ref().unwrap_or(&secrets.api_key);
    let local = || LocalKey::new(key.clone(), operator.tenant.clone(), operator_roles());
    Ok(Credentials { edge: secrets.edge_keyring()?, local: loopback.then(local).transpose()? })
}

fn gate(
    config: &SafetyConfig,
    tenant: &Tenant,
    secrets: &Secrets,
) -> Result<Arc<dyn SafetyGate>, BuildError> {
    match config {
        SafetyConfig::Remote(address) => Ok(Arc::new(Remote::new(address, secrets.safety_token()?)?)),
        SafetyConfig::Local(policies) => {
            if !policies.know(tenant) {
                tracing::warn!(
                    %tenant,
                    "the policies name neither this tenant nor a default, so every request of the tenant is denied: name \
                     it in a file given with --safety"
                );
            }
            Ok(Arc::new(Kernel::new(policies.clone())))
        }
    }
}

/// Lowers the limits of the APIs, so that descriptors remain for the store, the workers and the
/// edge.
fn within_descriptors(limits: Limits) -> Limits {
    Limits { connections: limits.connections.min(descriptors::raise() / 2), ..limits }
}
