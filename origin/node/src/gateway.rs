//! The role `gateway`: the HTTP and gRPC APIs, and the reports to the edge.

use std::fmt;
use std::net::SocketAddr;

use cortex_gateway::ledger::Edge;
use cortex_gateway::{Credentials, Gateway, Limits, LocalKey, Parts};
use tokio::net::TcpListener;

use crate::common::Common;
use crate::config::{Config, GatewayConfig};
use crate::descriptors;
use crate::error::BuildError;
use crate::home::Home;
use crate::operator::operator_roles;
use crate::secrets::Secrets;
use crate::tasks::Tasks;

/// The running APIs of a node.
pub struct GatewayHandle {
    /// The address of the HTTP API.
    pub address: SocketAddr,
    gateway: Gateway,
    apis: Tasks,
}

/// The sockets of the APIs.
#[derive(Debug)]
pub struct ApiSockets {
    pub http: TcpListener,
    /// The socket of the gRPC API. `None` if it is disabled.
    pub grpc: Option<TcpListener>,
}

impl GatewayHandle {
    /// Stops accepting requests and waits for the open ones.
    pub(crate) async fn close(&self) {
        self.apis.end().await;
    }

    pub(crate) async fn stop(self) {
        self.close().await;
        self.gateway.stop().await;
    }
}

impl fmt::Debug for GatewayHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayHandle").field("address", &self.address).finish_non_exhaustive()
    }
}

pub(crate) async fn start(
    config: &Config,
    common: &Common,
    home: &Home,
    secrets: &Secrets,
    sockets: ApiSockets,
    background: &Tasks,
) -> Result<GatewayHandle, BuildError> {
    let address = sockets.http.local_addr()?;
    let gateway = Gateway::start(Parts {
        store: common.store.clone(),
        payloads: common.payloads.clone(),
        bus: common.bus.clone(),
        clock: common.clock.clone(),
        catalogue: config.scheduler.catalogue.clone(),
        models: config.gateway.models(&config.models, home),
        credentials: credentials(&config.gateway, secrets, address.ip().is_loopback())?,
        sharing: config.scheduler.sharing.clone(),
        limits: within_descriptors(config.gateway.limits),
        allowed_hosts: config.gateway.operator.allowed_hosts.clone(),
    })
    .await?;
    gateway.register(&common.registry);
    let apis = Tasks::default();
    apis.tracker.spawn(cortex_gateway::serve(gateway.clone(), sockets.http, apis.stop.clone()));
    if let Some(listener) = sockets.grpc {
        let serving = cortex_gateway::serve_grpc(gateway.clone(), listener, apis.stop.clone());
        apis.tracker.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the gRPC API failed");
            }
        });
    }
    if let Some(url) = config.gateway.edge.clone() {
        let edge = Edge::new(url, secrets.origin_keyring()?, common.clock.clone())?;
        background.tracker.spawn(edge.run_reporter(common.store.clone(), background.stop.clone()));
    }
    Ok(GatewayHandle { address, gateway, apis })
}

/// Returns the credentials of callers: the edge's signing keys and, on loopback only, the local
/// key.
fn credentials(config: &GatewayConfig, secrets: &Secrets, loopback: bool) -> Result<Credentials, BuildError> {
    let operator = &config.operator;
    let key = operator.api_key.as_ref().unwrap_or(&secrets.api_key);
    let local = || LocalKey::new(key.clone(), operator.tenant.clone(), operator_roles());
    Ok(Credentials { edge: secrets.edge_keyring()?, local: loopback.then(local).transpose()? })
}

/// Lowers the limits of the APIs, so that descriptors remain for the store, the workers and the
/// edge.
fn within_descriptors(limits: Limits) -> Limits {
    Limits { connections: limits.connections.min(descriptors::raise() / 2), ..limits }
}
