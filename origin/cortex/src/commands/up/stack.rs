//! The edge, the origin and the workers on this machine, started and stopped together.

use std::net::{Ipv4Addr, SocketAddr};

use cortex_domain::id::Tenant;
use cortex_edge_local::Variables;
use cortex_node::{ApiSockets, Handle, Home, Roles, Secrets, Sockets};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::args::UpArgs;
use super::config::{Served, UpConfig};
use super::edge::{self, Edge};
use super::workers::{self, WorkerKind, WorkerLaunch};
use super::{bind, dev_key};
use crate::config::{CHAT_PORT, EDGE_PORT, HOST_PORT, METRICS_PORT};
use crate::exit::Failure;
use crate::running::Running;

/// The running components.
#[derive(Debug)]
pub(crate) struct Stack {
    origin: Handle,
    edge: Option<Edge>,
    stop_workers: CancellationToken,
    workers: TaskTracker,
    pub(crate) running: Running,
    /// The development key, if there is an edge.
    pub(crate) key: Option<String>,
    pub(crate) served: Served,
}

impl Stack {
    /// Starts every component.
    ///
    /// # Errors
    /// Returns an error if a port is in use, a file is invalid, or a component does not start.
    pub(crate) async fn start(home: &Home, mut config: UpConfig) -> Result<Self, Failure> {
        let mut secrets = Secrets::open(home)?;
        let (sockets, edge) = bind_ports(&config).await?;
        let [host, chat_host] = model_hosts(&config).await?;
        let program = if config.workers.is_empty() { None } else { Some(workers::worker_program()?) };
        let api = sockets.http.local_addr()?;
        let grpc = sockets.grpc.as_ref().map(TcpListener::local_addr).transpose()?;
        let metrics = bind::bind_metrics(&config.args.metrics, METRICS_PORT.default).await?;
        let sockets = Sockets { api: Some(sockets), metrics };

        if let Some(listener) = &edge {
            config.node.gateway.edge = Some(local_url(listener)?);
        }
        if config.has(WorkerKind::Chat) {
            config.node.gateway.chat_model = config.args.stack.chat_model.name().cloned();
        }
        config.node.worker_metrics = workers::metrics(home, &config.workers);
        let served = config.served();
        let (topics, roles) = (config.topics(), Roles::of_node(&config.node.safety));
        let UpConfig { args, node, workers } = config;
        let variables = edge::variables(&secrets, &topics, &args.cors_origins);
        let origin = cortex_node::build(node, &roles, home, &secrets, sockets).await?;

        let (stop_workers, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut processes = Vec::new();
        if let (Some(program), Some(scheduler)) = (program, &origin.scheduler) {
            let host_key = args.api_key.clone().unwrap_or_else(|| secrets.api_key.clone());
            let link = scheduler.link.clone();
            let tokens = WorkerKind::ALL.map(|kind| scheduler.worker_token(&kind.pool()));
            let launch =
                WorkerLaunch { program, link, tokens, args: args.clone(), home: home.clone(), host_key };
            processes = workers::start(&workers, &launch, &tasks, &stop_workers);
        }
        tasks.close();
        let mut stack = Self {
            running: Running {
                pid: std::process::id(),
                origin: format!("http://{api}"),
                grpc: grpc.map(|address| format!("http://{address}")),
                metrics: origin.metrics.map(|address| format!("http://{address}/metrics")),
                edge: None,
                host,
                chat_host,
                processes,
            },
            origin,
            edge: None,
            stop_workers,
            workers: tasks,
            key: None,
            served,
        };
        if let Some(listener) = edge
            && let Err(failure) =
                stack.start_edge(home, &mut secrets, listener, api, variables, &args.stack.tenant).await
        {
            stack.stop(home).await;
            return Err(failure);
        }
        stack.running.write(home)?;
        Ok(stack)
    }

    async fn start_edge(
        &mut self,
        home: &Home,
        secrets: &mut Secrets,
        listener: TcpListener,
        api: SocketAddr,
        variables: Variables,
        tenant: &Tenant,
    ) -> Result<(), Failure> {
        let edge = self.edge.insert(Edge::start(home, variables, listener, api).await?);
        self.running.edge = Some(edge.url.clone());
        self.running.processes.insert(0, edge.process.clone());
        self.key = Some(dev_key::ensure(home, secrets, &edge.url, tenant).await?);
        Ok(())
    }

    /// Stops the edge, then the origin's listeners, then the workers once their jobs have ended.
    pub(crate) async fn stop(self, home: &Home) {
        if let Some(edge) = self.edge {
            edge.stop().await;
        }
        self.origin.close().await;
        self.stop_workers.cancel();
        self.workers.wait().await;
        self.origin.stop().await;
        Running::clear(home);
    }
}

/// Binds the ports of the origin and the edge.
async fn bind_ports(config: &UpConfig) -> Result<(ApiSockets, Option<TcpListener>), Failure> {
    let UpArgs { listen, api_port, grpc_port, .. } = &config.args;
    let sockets = bind::bind_apis(*listen, *api_port, *grpc_port).await?;
    let edge = match config.edge() {
        Some(address) => Some(bind::bind(address, EDGE_PORT.flag).await?),
        None => None,
    };
    Ok((sockets, edge))
}

/// Returns the addresses of the model hosts, which the workers open, and checks that their ports
/// are free.
async fn model_hosts(config: &UpConfig) -> Result<[Option<String>; 2], Failure> {
    let hosts = [
        (WorkerKind::Embed, config.args.host_port, HOST_PORT.flag),
        (WorkerKind::Chat, config.args.chat_port, CHAT_PORT.flag),
    ];
    let mut urls = [None, None];
    for (url, (kind, port, flag)) in urls.iter_mut().zip(hosts) {
        if config.has(kind) && port != 0 {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            bind::check_free(address, flag).await?;
            *url = Some(format!("http://{address}"));
        }
    }
    Ok(urls)
}

fn local_url(listener: &TcpListener) -> Result<Url, Failure> {
    let address = listener.local_addr()?;
    let url = format!("http://{address}").parse();
    url.map_err(|error: <Url as std::str::FromStr>::Err| Failure::defect(error))
}
