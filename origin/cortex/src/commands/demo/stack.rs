//! The demo's own edge, and an origin that it can stop and start. They don't disturb a `cortex up`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::time::Duration;

use cortex_client::{self as client, Api};
use cortex_guard::cors::Origins;
use cortex_node::{Home, Secrets};
use tokio::process::Command;

use crate::args::{EngineArgs, MetricsArgs};
use crate::commands::up::{
    ChatModel, Child, Edge, StackArgs, UpArgs, UpConfig, ensure_key, prepare_models, variables,
};
use crate::exit::{Exit, Failure};
use crate::output::print;
use crate::program;

/// How long the origin and its workers may take to connect.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// One of each kind.
const WORKERS: [&str; 3] = ["echo=1", "embed=1", "chat=1"];

/// A running edge, and an origin that is sometimes stopped.
pub(crate) struct DemoStack {
    /// The public API, at the edge.
    pub(crate) api: Api,
    pub(crate) model: String,
    pub(crate) chat_model: String,
    home: Home,
    args: StackArgs,
    secrets: Secrets,
    edge: Edge,
    origin_port: u16,
    origin: Option<Child>,
}

impl DemoStack {
    /// Starts everything on free ports, in a folder of its own, with the models of the home folder.
    ///
    /// # Errors
    /// Returns an error if a component does not start.
    pub(crate) async fn start(home: &Home, args: StackArgs) -> Result<Self, Failure> {
        let mut config = UpConfig::read(up_args(args))?;
        prepare_models(home, &mut config).await?;
        let home = demo_home(home)?;
        let mut secrets = Secrets::open(&home)?;
        let origin_port = free_port()?;

        print("Starting the edge (the real Worker in workerd), the origin and its workers ...")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, origin_port));
        let public = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let variables = variables(&secrets, &config.topics(), &Origins::default());
        let edge = Edge::start(&home, variables, public, address).await?;
        let args = config.args.stack;
        let key = ensure_key(&home, &mut secrets, &edge.url, &args.tenant).await;
        let key = match key {
            Ok(key) => key,
            Err(failure) => {
                edge.stop().await;
                return Err(failure);
            }
        };
        let mut stack = Self {
            api: Api::new(&edge.url, &key)?,
            model: args.embeddings_model.to_string(),
            chat_model: args.chat_model.to_string(),
            home,
            args,
            secrets,
            edge,
            origin_port,
            origin: None,
        };
        if let Err(failure) = stack.start_origin().await {
            stack.stop().await;
            return Err(failure);
        }
        print(&format!("  edge    {}\n  origin  http://{address}\n", stack.edge.url))?;
        Ok(stack)
    }

    /// Starts the origin with its workers and waits until they have connected.
    ///
    /// # Errors
    /// Returns an error if they don't connect in time.
    pub(crate) async fn start_origin(&mut self) -> Result<(), Failure> {
        let log = self.home.logs().join("origin.log");
        let child = self.origin.insert(Child::start(self.command()?, &log)?);
        let api = Api::new(&format!("http://127.0.0.1:{}", self.origin_port), &self.secrets.api_key)?;
        let ready = async {
            loop {
                if api.workers().await.is_ok_and(|workers| workers.len() >= WORKERS.len()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let failed = |message: String| {
            let help = format!("the log is in {}, next to those of the workers", log.display());
            Failure::message(Exit::Unavailable, message, help)
        };
        tokio::select! {
            ready = tokio::time::timeout(START_TIMEOUT, ready) => {
                ready.map_err(|_| failed(format!("the workers did not connect within {} s", START_TIMEOUT.as_secs())))
            }
            ended = child.ended() => Err(failed(format!("the origin ended with {}", ended?))),
        }
    }

    /// Stops the origin and its workers.
    pub(crate) async fn stop_origin(&mut self) {
        if let Some(origin) = self.origin.take() {
            origin.stop().await;
        }
    }

    /// Returns whether the edge reports that it can't reach its origin.
    pub(crate) async fn origin_is_away(&self) -> bool {
        let health = client::health(&self.edge.url).await;
        health.is_ok_and(|health| {
            health.view.is_none_or(|view| view.checks.get("origin").is_none_or(|o| o != "ok"))
        })
    }

    /// Stops everything.
    pub(crate) async fn stop(mut self) {
        self.stop_origin().await;
        self.edge.stop().await;
    }

    fn command(&self) -> Result<Command, Failure> {
        let mut command = Command::from(program::own_command(std::env::current_exe()?));
        command.args(["up", "--without", "edge", "--host-port", "0", "--chat-port", "0", "--grpc-port", "0"]);
        command.args(["--metrics-port", "0"]);
        command.args(["--workers", &WORKERS.join(",")]);
        command.args(["--api-port", &self.origin_port.to_string(), "--edge-url", &self.edge.url]);
        command.args(["--embeddings-model", &self.model, "--chat-model", &self.chat_model]);
        command.args(["--tenant", self.args.tenant.as_str()]).arg("--home").arg(self.home.path());
        let config = &self.args.config;
        let files = [
            ("--pools", &config.pools),
            ("--timeouts", &config.timeouts),
            ("--limits", &config.limits),
            ("--safety", &config.safety),
            ("--models", &config.models),
        ];
        for (flag, file) in files {
            if let Some(file) = file {
                command.arg(flag).arg(file);
            }
        }
        if let Some(address) = &config.safety_kernel {
            command.args(["--safety-kernel", address]);
        }
        command.args(self.args.chat_workers.up_arguments());
        Ok(command)
    }
}

/// Returns the arguments of the demo's stack: a worker of each kind, and the bundled chat model
/// unless another one is named. The demo chooses its ports itself.
fn up_args(args: StackArgs) -> UpArgs {
    let chat_model = match args.chat_model {
        ChatModel::Auto => ChatModel::Named("cortex-small".parse().expect("the name of a model")),
        named => named,
    };
    UpArgs {
        without: Vec::new(),
        listen: Ipv4Addr::LOCALHOST.into(),
        api_port: 0,
        grpc_port: 0,
        metrics: MetricsArgs::disabled(),
        edge_port: 0,
        cors_origins: Origins::default(),
        allowed_hosts: Vec::new(),
        host_port: 0,
        chat_port: 0,
        edge_url: None,
        workers: WORKERS.map(str::to_owned).into(),
        api_key: None,
        engines: EngineArgs::default(),
        stack: StackArgs { chat_model, ..args },
    }
}

/// Returns the demo's own home folder, which shares the models.
fn demo_home(home: &Home) -> Result<Home, Failure> {
    let folder = home.demo();
    std::fs::create_dir_all(&folder)?;
    let models = folder.join("models");
    if !models.exists() {
        symlink(home.models(), &models)?;
    }
    Ok(Home::open(Some(folder))?)
}

fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
