//! Everything that runs on this machine, started and stopped as one.

use std::net::SocketAddr;

use cortex_domain::id::{ModelName, Tenant};
use cortex_edge_local::Variables;
use cortex_guard::cors::Origins;
use cortex_guard::loopback::AllowedHost;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ChatModel;
use super::edge::{self, Edge};
use super::workers::{self, Crew, Kind, Launch, Served};
use super::{bind, dev_key};
use crate::cli::{ChatWorkerArgs, Part, UpArgs};
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::origin::{Config, Origin, Start};
use crate::running::Running;
use crate::secrets::Secrets;

/// What is to run.
#[derive(Debug)]
pub(crate) struct Want {
    pub(crate) config: Config,
    pub(crate) workers: Vec<workers::Crew>,
    pub(crate) embeddings_model: ModelName,
    pub(crate) chat_model: ChatModel,
    pub(crate) chat_workers: ChatWorkerArgs,
    models_file: Option<std::path::PathBuf>,
    allowed_hosts: Vec<AllowedHost>,
    api: SocketAddr,
    grpc_port: u16,
    edge_port: Option<u16>,
    edge_url: Option<Url>,
    cors: Origins,
    host_port: u16,
    chat_port: u16,
    api_key: Option<String>,
    tenant: Tenant,
}

impl Want {
    /// Reads the configuration; nothing is started by it.
    ///
    /// # Errors
    /// If a file or a flag can't be used.
    pub(crate) fn read(args: &UpArgs) -> Result<Self, Failure> {
        let workers = if args.with(Part::Workers) {
            args.workers.iter().map(|text| workers::Crew::read(text)).collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        let edge_url = args.edge_url.as_deref().map(str::parse).transpose();
        Ok(Self {
            config: Config::load(&args.config)?,
            workers,
            embeddings_model: args.embeddings_model.clone(),
            chat_model: args.chat_model.clone(),
            chat_workers: args.chat_workers.clone(),
            models_file: args.config.models.clone(),
            allowed_hosts: args.allowed_hosts.clone(),
            api: SocketAddr::new(args.listen, args.api_port),
            grpc_port: args.grpc_port,
            edge_port: args.with(Part::Edge).then_some(args.edge_port),
            edge_url: edge_url
                .map_err(|error| Failure::message(Exit::Config, format!("--edge-url: {error}")))?,
            cors: args.cors_origins.clone(),
            host_port: args.host_port,
            chat_port: args.chat_port,
            api_key: args.api_key.clone(),
            tenant: args.tenant.clone(),
        })
    }
}

/// The gRPC door opens to local callers alone, so it is left out where the API is not on loopback.
async fn grpc_door(want: &Want) -> Result<Option<TcpListener>, Failure> {
    if want.grpc_port == 0 || !want.api.ip().is_loopback() {
        return Ok(None);
    }
    bind::bind(SocketAddr::new(want.api.ip(), want.grpc_port), "--grpc-port").await.map(Some)
}

/// What runs.
#[derive(Debug)]
pub(crate) struct Stack {
    origin: Origin,
    edge: Option<Edge>,
    stop_workers: CancellationToken,
    workers: TaskTracker,
    pub(crate) running: Running,
    /// The development key, where there is an edge.
    pub(crate) key: Option<String>,
}

impl Stack {
    /// # Errors
    /// If a port is taken, a file can't be used, or a part does not start.
    pub(crate) async fn start(home: &Home, want: Want) -> Result<Self, Failure> {
        let mut secrets = Secrets::open(home)?;
        let listener = bind::bind(want.api, "--api-port").await?;
        let api = listener.local_addr()?;
        let grpc = grpc_door(&want).await?;
        let grpc_address = grpc.as_ref().map(TcpListener::local_addr).transpose()?;
        let edge = match want.edge_port {
            Some(port) => Some(bind::bind(SocketAddr::from(([127, 0, 0, 1], port)), "--edge-port").await?),
            None => None,
        };
        let hosts =
            [(Kind::Embed, want.host_port, "--host-port"), (Kind::Chat, want.chat_port, "--chat-port")];
        let hosts = hosts
            .map(|(kind, port, flag)| (Crew::has(&want.workers, kind) && port != 0).then_some((port, flag)));
        for (port, flag) in hosts.into_iter().flatten() {
            bind::free(SocketAddr::from(([127, 0, 0, 1], port)), flag).await?;
        }
        let [host, chat_host] = hosts.map(|host| host.map(|(port, _)| format!("http://127.0.0.1:{port}")));
        let program = if want.workers.is_empty() { None } else { Some(workers::worker_program()?) };

        let edge_url = match &edge {
            Some(listener) => Some(local_url(listener)?),
            None => want.edge_url,
        };
        let topics: Vec<_> = want.config.settings.catalogue.topics().map(ToString::to_string).collect();
        let api_key = want.api_key.unwrap_or_else(|| secrets.api_key.clone());
        let origin = Origin::start(Start {
            home,
            config: want.config,
            secrets: &secrets,
            tenant: want.tenant.clone(),
            chat_model: want.chat_model.name().filter(|_| Crew::has(&want.workers, Kind::Chat)).cloned(),
            api_key: api_key.clone(),
            listener,
            grpc,
            edge: edge_url,
            allowed_hosts: want.allowed_hosts.clone(),
        })
        .await?;

        let (stop_workers, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut processes = Vec::new();
        if let Some(program) = program {
            let launch = Launch {
                program,
                link: origin.link.clone(),
                token: origin.token.clone(),
                embed: Served { model: want.embeddings_model.to_string(), port: want.host_port },
                chat: Served { model: want.chat_model.to_string(), port: want.chat_port },
                chat_workers: want.chat_workers,
                models: want.models_file,
                home: home.path().to_owned(),
                allowed_hosts: want.allowed_hosts,
                host_key: api_key,
            };
            processes = workers::start(home, &want.workers, &launch, &tasks, &stop_workers);
        }
        tasks.close();
        let variables = edge::variables(&secrets, &topics.join(","), &want.cors);
        let mut stack = Self {
            running: Running {
                pid: std::process::id(),
                origin: format!("http://{api}"),
                grpc: grpc_address.map(|address| format!("http://{address}")),
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
        };
        if let Some(listener) = edge
            && let Err(failure) =
                stack.start_edge(home, &mut secrets, listener, api, variables, &want.tenant).await
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

    /// Closes the doors first, the public one before the origin's, then lets the workers finish what they hold.
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

fn local_url(listener: &TcpListener) -> Result<Url, Failure> {
    let address = listener.local_addr()?;
    format!("http://{address}").parse().map_err(|error| Failure::message(Exit::Broken, error))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Verb};

    async fn opens(listen: &str, port: &str) -> bool {
        let cli = Cli::parse_from(["cortex", "up", "--listen", listen, "--grpc-port", port]);
        let Verb::Up(args) = cli.verb else { panic!("`up` is `up`") };
        grpc_door(&Want::read(&args).unwrap()).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn the_grpc_door_opens_on_loopback_alone() {
        let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = holder.local_addr().unwrap().port().to_string();
        drop(holder);
        assert!(opens("127.0.0.1", &port).await);
        assert!(!opens("0.0.0.0", &port).await);
        assert!(!opens("127.0.0.1", "0").await);
    }
}
