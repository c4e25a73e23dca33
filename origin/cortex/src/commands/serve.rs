//! `cortex serve`: roles of the origin in this process, without an edge and without workers as children.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use cortex_domain::id::Tenant;
use cortex_guard::loopback::AllowedHost;
use cortex_node::{
    Config, Handle, Home, Operator, Plan, Roles, Route, Secrets, build, build_kernel, policies,
};

use cortex_platform::signals::Signals;

use crate::args::{ConfigArgs, secret};
use crate::commands::up::{bind, bind_node};
use crate::config;
use crate::exit::{Exit, Failure};
use crate::output::out;
use crate::running::Running;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The roles, separated by commas: gateway, scheduler, safety, or all of them as `all`
    #[arg(value_name = "ROLE")]
    roles: Roles,

    #[command(flatten)]
    config: ConfigArgs,

    /// The address the API listens on: loopback, since a tunnel carries what comes from outside
    #[arg(long, default_value = "127.0.0.1")]
    listen: IpAddr,

    /// The port of the API
    #[arg(long, env = config::API_PORT.env, default_value_t = config::API_PORT.default, value_name = "PORT")]
    api_port: u16,

    /// The port of the gRPC door for callers on this machine; 0 leaves it out
    #[arg(long, env = config::GRPC_PORT.env, default_value_t = config::GRPC_PORT.default, value_name = "PORT")]
    grpc_port: u16,

    /// The port of the safety kernel on loopback, where it runs alone
    #[arg(long, default_value_t = config::KERNEL_PORT, value_name = "PORT")]
    port: u16,

    /// Where workers of other machines connect by TLS, as address:port; those of this machine have a Unix socket
    #[arg(long, env = "CORTEX_LINK_LISTEN", value_name = "ADDRESS")]
    link_listen: Option<SocketAddr>,

    /// The edge that is sent the state of jobs
    #[arg(long, env = "CORTEX_EDGE_URL", value_name = "URL")]
    edge_url: Option<String>,

    /// A name by which others may reach the doors on loopback, such as host.docker.internal
    #[arg(long = "allowed-host", value_name = "HOST")]
    allowed_hosts: Vec<AllowedHost>,

    /// A file with the key of local callers [default: one that is made and kept]
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    api_key: Option<String>,

    /// Whose the local callers' jobs are
    #[arg(long, env = "TENANT_ID", default_value = "dev", value_name = "TENANT")]
    tenant: Tenant,
}

/// Runs the roles until Ctrl-C.
///
/// # Errors
/// Returns an error if the roles can't run in one process, a file can't be used or a port is taken.
pub(crate) async fn run(home: &Home, args: Args) -> Result<Exit, Failure> {
    match args.roles.plan().map_err(|error| Failure::new(Exit::Config, error))? {
        Plan::Kernel => kernel(home, args.config.safety, args.port).await,
        Plan::Node => node(home, args).await,
    }
}

/// Runs the safety kernel alone. It reads the policies once and answers every caller who shows the home folder's token.
pub(super) async fn kernel(home: &Home, safety: Option<PathBuf>, port: u16) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let policies = policies(safety.as_deref())?;
    let secrets = Secrets::open(home)?;
    let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "--port").await?;
    let mut kernel = build_kernel(policies, &secrets, listener)?;
    let (address, version) = (kernel.address, &kernel.version);
    out(&format!("The safety kernel is up at {address}, by policy {version}. Ctrl-C stops it."));
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
    let sockets = bind_node(args.listen, args.api_port, args.grpc_port).await?;
    let grpc = sockets.grpc.as_ref().map(tokio::net::TcpListener::local_addr).transpose()?;
    let node = build(config, &args.roles, home, &secrets, sockets).await?;
    running(&node, grpc).write(home)?;
    print(&args.roles, &node, grpc);
    signals.any().await;
    out("\nStopping: finishing what is under way. Ctrl-C again to stop at once.");
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
    config.link.listen = args.link_listen;
    let edge = args.edge_url.as_deref().map(str::parse).transpose();
    config.gateway.edge =
        edge.map_err(|error| Failure::message(Exit::Config, format!("--edge-url: {error}")))?;
    Ok(config)
}

/// What the other commands find here.
fn running(node: &Handle, grpc: Option<SocketAddr>) -> Running {
    Running {
        pid: std::process::id(),
        origin: format!("http://{}", node.address),
        grpc: grpc.map(|address| format!("http://{address}")),
        edge: None,
        host: None,
        chat_host: None,
        processes: Vec::new(),
    }
}

fn print(roles: &Roles, node: &Handle, grpc: Option<SocketAddr>) {
    out(&format!("Up with the roles {roles}. Ctrl-C stops them.\n"));
    out(&format!("  origin      http://{}", node.address));
    if let Some(grpc) = grpc {
        out(&format!("  gRPC        http://{grpc}   on loopback, for local callers"));
    }
    out(&format!("  workers     {}", node.link));
    if let Some(link @ Route::Tcp(_, fingerprint)) = &node.remote_link {
        out(&format!("  workers     {link}   by TLS, certificate {fingerprint}"));
    }
}
