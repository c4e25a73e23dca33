//! Starts the roles and stops them in the order in which they depend on each other.

use std::net::SocketAddr;
use std::sync::Arc;

use cortex_bus::payload::Layered;
use cortex_bus::{Embedded, Room};
use cortex_domain::id::{ModelName, Tenant};
use cortex_domain::ports::{Bus, Payloads, SafetyGate, Store};
use cortex_gateway::ledger::Edge;
use cortex_gateway::{Credentials, Gateway, Limits, LocalKey, Parts as GatewayParts};
use cortex_guard::loopback::AllowedHost;
use cortex_link::{Limits as LinkLimits, LinkAddress, Listener, Server};
use cortex_platform::clock::Clock;
use cortex_safety::{Kernel, Remote};
use cortex_scheduler::{Parts as SchedulerParts, Scheduler};
use cortex_store::SqliteStore;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::Config;
use super::descriptors;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::roles;
use crate::secrets::{self, Secrets};

/// Payloads of open synchronous calls, in bytes.
const CALL_MEMORY: usize = 256 * 1024 * 1024;

/// What an origin is started with.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) home: &'a Home,
    pub(crate) config: Config,
    pub(crate) secrets: &'a Secrets,
    pub(crate) tenant: Tenant,
    /// What the chat workers of this machine begin with, if there are some.
    pub(crate) chat_model: Option<ModelName>,
    pub(crate) api_key: String,
    /// Bound already, so that a port in use is told before anything starts.
    pub(crate) listener: TcpListener,
    /// The gRPC door's, unless it is left out.
    pub(crate) grpc: Option<TcpListener>,
    /// The edge that is told where jobs stand.
    pub(crate) edge: Option<reqwest::Url>,
    /// Names beside those of loopback by which the doors are reached.
    pub(crate) allowed_hosts: Vec<AllowedHost>,
}

/// A running origin.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    /// Where workers connect, and what they show.
    pub(crate) link: LinkAddress,
    pub(crate) token: String,
    gateway: Gateway,
    scheduler: Scheduler,
    bus: Embedded,
    doors: CancellationToken,
    requests: TaskTracker,
    links: CancellationToken,
    tasks: TaskTracker,
    telling: CancellationToken,
    teller: TaskTracker,
}

impl Origin {
    /// # Errors
    /// If the store can't be opened, or a part can't be set up.
    pub(crate) async fn start(start: Start<'_>) -> Result<Self, Failure> {
        let Start { home, config, secrets, tenant, chat_model, api_key, listener, grpc, edge, allowed_hosts } =
            start;
        let address = listener.local_addr()?;
        if config.safety_kernel.is_none() && !config.policies.know(&tenant) {
            tracing::warn!(
                %tenant,
                "the policies name neither this tenant nor a default, so that all it asks for is denied; name it in a \
                 file given with --safety"
            );
        }
        let local = if address.ip().is_loopback() {
            let key = LocalKey::new(api_key, tenant, roles::of_the_operator())
                .map_err(|error| Failure::new(Exit::Config, error))?;
            Some(key)
        } else {
            None
        };
        let credentials = Credentials { edge: secrets.edge_keyring()?, local };
        let gate: Arc<dyn SafetyGate> = match &config.safety_kernel {
            Some(address) => {
                let remote = Remote::new(address, secrets.safety_token()?);
                Arc::new(remote.map_err(|error| Failure::new(Exit::Config, error))?)
            }
            None => Arc::new(Kernel::new(config.policies.clone())),
        };

        let path = home.store();
        let retention = config.retention;
        let store = tokio::task::spawn_blocking(move || SqliteStore::open_with(path, retention)).await?;
        let store = Arc::new(store.map_err(|error| Failure::new(Exit::Config, error))?);
        let jobs: Arc<dyn Store> = store.clone();
        let payloads = Arc::new(Layered::new(store as Arc<dyn Payloads>, CALL_MEMORY));
        let embedded = Embedded::new(Room::default());
        let bus: Arc<dyn Bus> = Arc::new(embedded.clone());
        let clock = Clock::system();
        let (doors, links, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());

        let link = Listener::bind(&LinkAddress::Unix(home.run().join("link.sock"))).await?;
        let link_address = link.address().clone();
        let token = secrets::hex();
        let limits = LinkLimits { heartbeat: config.settings.heartbeat, ..LinkLimits::default() };
        let server = Server::new(bus.clone(), payloads.clone(), token.clone(), limits);

        let scheduler = Scheduler::start(SchedulerParts {
            store: jobs.clone(),
            bus: bus.clone(),
            gate,
            clock: clock.clone(),
            settings: config.settings.clone(),
        })
        .await?;
        let gateway = Gateway::start(GatewayParts {
            store: jobs.clone(),
            payloads,
            bus,
            clock: clock.clone(),
            catalogue: config.settings.catalogue.clone(),
            models: config.model_names(home, chat_model.as_ref()),
            credentials,
            sharing: config.settings.sharing.clone(),
            limits: within_descriptors(config.door),
            allowed_hosts,
        })
        .await?;

        let stop = links.clone();
        tasks.spawn(async move {
            if let Err(error) = server.serve(link, stop).await {
                tracing::error!(%error, "the workers' link failed");
            }
        });
        let requests = TaskTracker::new();
        requests.spawn(cortex_gateway::serve(gateway.clone(), listener, doors.clone()));
        if let Some(listener) = grpc {
            let serving = cortex_gateway::serve_grpc(gateway.clone(), listener, doors.clone());
            requests.spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "the gRPC door failed");
                }
            });
        }
        let (telling, teller) = (CancellationToken::new(), TaskTracker::new());
        if let Some(url) = edge {
            let edge = Edge::new(url, secrets.origin_keyring()?, clock)?;
            teller.spawn(edge.keep_told(jobs, telling.clone()));
        }
        Ok(Self {
            address,
            link: link_address,
            token,
            gateway,
            scheduler,
            bus: embedded,
            doors,
            requests,
            links,
            tasks,
            telling,
            teller,
        })
    }

    /// Takes no more requests in and lets those that are open end, which may need the workers.
    pub(crate) async fn close(&self) {
        self.doors.cancel();
        self.requests.close();
        self.requests.wait().await;
    }

    /// Stops, closed first. Durable jobs go on at the next start.
    pub(crate) async fn stop(self) {
        self.close().await;
        self.gateway.stop().await;
        self.links.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.scheduler.stop().await;
        self.telling.cancel();
        self.teller.close();
        self.teller.wait().await;
        self.bus.close();
    }
}

/// The limits of the doors, with descriptors left over for the store, the workers and the edge.
fn within_descriptors(limits: Limits) -> Limits {
    Limits { connections: limits.connections.min(descriptors::raise() / 2), ..limits }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Origin").field("address", &self.address).finish_non_exhaustive()
    }
}
