//! `cortex serve`: roles of the origin in this process, without an edge and without workers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use cortex_domain::id::Tenant;
use cortex_guard::loopback::AllowedHost;
use cortex_node::{
    Config, Handle, Home, Operator, Plan, Role, Roles, Route, Secrets, Sockets, build, build_kernel, policies,
};

use cortex_platform::signals::Signals;
use tokio::net::TcpListener;

use crate::args::{ConfigArgs, EngineArgs, MetricsArgs, secret};
use crate::commands::up::{bind, bind_apis, bind_metrics, invalid_edge_url};
use crate::config::{self, METRICS_PORT, SCHEDULER_METRICS_PORT};
use crate::exit::{Exit, Failure};
use crate::output::{note, print};
use crate::running::Running;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The roles, separated by commas: gateway, scheduler, safety, or `all`
    #[arg(value_name = "ROLE")]
    roles: Roles,

    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    engines: EngineArgs,

    /// The address to listen on; the default accepts only this machine, and a tunnel forwards
    /// requests from outside
    #[arg(long, default_value = "127.0.0.1")]
    listen: IpAddr,

    /// The port of the API
    #[arg(long, env = config::API_PORT.env, default_value_t = config::API_PORT.default, value_name = "PORT")]
    api_port: u16,

    /// The port of the gRPC API for callers on this machine; 0 disables it
    #[arg(long, env = config::GRPC_PORT.env, default_value_t = config::GRPC_PORT.default, value_name = "PORT")]
    grpc_port: u16,

    #[command(flatten)]
    metrics: MetricsArgs,

    /// The port of the safety kernel on loopback, if it is the only role
    #[arg(long, default_value_t = config::KERNEL_PORT, value_name = "PORT")]
    port: u16,

    /// The address for workers on other machines, as address:port, with TLS; local workers use a
    /// Unix socket
    #[arg(long, env = "CORTEX_LINK_LISTEN", value_name = "ADDRESS")]
    link_listen: Option<SocketAddr>,

    /// The address of the edge that receives the states of jobs
    #[arg(long, env = "CORTEX_EDGE_URL", value_name = "URL")]
    edge_url: Option<String>,

    /// Another host name under which callers reach the loopback ports, such as host.docker.internal
    #[arg(long = "allowed-host", value_name = "HOST")]
    allowed_hosts: Vec<AllowedHost>,

    /// A file with the key of local callers [default: a generated key in the home folder]
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    api_key: Option<String>,

    /// The tenant of local callers
    #[arg(long, env = "TENANT_ID", default_value = "dev", value_name = "TENANT")]
    tenant: Tenant,
}

/// Runs the roles until Ctrl-C.
///
/// # Errors
/// Returns an error if the roles can't run in one process, a file is invalid or a port is in use.
pub(crate) async fn run(home: &Home, args: Args) -> Result<Exit, Failure> {
    match args.roles.plan() {
        Plan::Kernel => kernel(home, args.config.safety, args.port, &args.metrics).await,
        Plan::Node => node(home, args).await,
    }
}

/// Runs the safety kernel alone. It reads the policies once and accepts every caller with the home
/// folder's token.
pub(super) async fn kernel(
    home: &Home,
    safety: Option<PathBuf>,
    port: u16,
    metrics: &MetricsArgs,
) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let policies = policies(safety.as_deref())?;
    let secrets = Secrets::open(home)?;
    let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "--port").await?;
    let metrics = bind_metrics(metrics, config::KERNEL_METRICS_PORT).await?;
    let mut kernel = build_kernel(policies, &secrets, listener, metrics)?;
    let (address, version) = (kernel.address, &kernel.version);
    print(&format!("The safety kernel listens on {address} with policy {version}. Ctrl-C stops it."))?;
    tokio::select! {
        ended = kernel.ended() => ended?,
        () = signals.any() => kernel.stop().await?,
    }
    Ok(Exit::Done)
}

async fn node(home: &Home, args: Args) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let config = read(&args)?;
    let secrets = Secrets::open(home)?;
    let (api, port) = match args.roles.has(Role::Gateway) {
        true => (Some(bind_apis(args.listen, args.api_port, args.grpc_port).await?), METRICS_PORT.default),
        false => (None, SCHEDULER_METRICS_PORT),
    };
    let grpc = api.as_ref().and_then(|api| api.grpc.as_ref()).map(TcpListener::local_addr).transpose()?;
    let sockets = Sockets { api, metrics: bind_metrics(&args.metrics, port).await? };
    let node = build(config, &args.roles, home, &secrets, sockets).await?;
    if let Some(gateway) = &node.gateway {
        running(&node, gateway.address, grpc).write(home)?;
    }
    print(&banner(&args.roles, &node, grpc))?;
    signals.any().await;
    note("\nStopping when the open requests have finished. Press Ctrl-C again to stop now.");
    tokio::select! {
        () = node.stop() => {}
        () = signals.any() => {}
    }
    Running::clear(home);
    Ok(Exit::Done)
}

fn read(args: &Args) -> Result<Config, Failure> {
    let operator = Operator {
        tenant: args.tenant.clone(),
        api_key: args.api_key.clone(),
        allowed_hosts: args.allowed_hosts.clone(),
    };
    let mut config = Config::load(&args.config.files(), args.config.safety_kernel.clone(), operator)?;
    args.engines.set(&mut config)?;
    config.link.listen = args.link_listen;
    let edge = args.edge_url.as_deref().map(str::parse).transpose();
    config.gateway.edge = edge.map_err(|error| invalid_edge_url(&error))?;
    Ok(config)
}

/// Returns the state file for the other commands.
fn running(node: &Handle, api: SocketAddr, grpc: Option<SocketAddr>) -> Running {
    Running {
        pid: std::process::id(),
        origin: format!("http://{api}"),
        grpc: grpc.map(|address| format!("http://{address}")),
        metrics: node.metrics.map(|address| format!("http://{address}/metrics")),
        edge: None,
        host: None,
        chat_host: None,
        processes: Vec::new(),
    }
}

fn banner(roles: &Roles, node: &Handle, grpc: Option<SocketAddr>) -> String {
    let mut lines = vec![format!("CortexOS runs the roles {roles}. Ctrl-C stops it.\n")];
    if let Some(gateway) = &node.gateway {
        lines.push(format!("  origin      http://{}", gateway.address));
    }
    if let Some(grpc) = grpc {
        lines.push(format!("  gRPC        http://{grpc}   for local callers"));
    }
    if let Some(metrics) = node.metrics {
        lines.push(format!("  metrics     http://{metrics}/metrics"));
    }
    if let Some(scheduler) = &node.scheduler {
        lines.push(format!("  workers     {}", scheduler.link));
        if let Some(link @ Route::Tcp(_, fingerprint)) = &scheduler.remote_link {
            lines.push(format!("  workers     {link}   with TLS, certificate {fingerprint}"));
        }
    }
    lines.join("\n")
}
