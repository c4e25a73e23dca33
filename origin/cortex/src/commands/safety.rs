//! `cortex safety`: the safety kernel in a process of its own, until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use cortex_node::{Home, Secrets, build_kernel, policies};

use crate::commands::up::{Signals, bind};
use crate::exit::{Exit, Failure};
use crate::output::out;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// What each tenant may ask for [default: what is built in]
    #[arg(long, env = "SAFETY_POLICY_PATH", value_name = "FILE")]
    pub(crate) safety: Option<PathBuf>,

    /// The port on loopback
    #[arg(long, default_value_t = 50051, value_name = "PORT")]
    pub(crate) port: u16,
}

/// Reads the policies once and answers by them whoever shows the home folder's token.
///
/// # Errors
/// If the policies can't be used or the port is taken.
pub(crate) async fn run(home: &Home, args: Args) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let policies = policies(args.safety.as_deref())?;
    let secrets = Secrets::open(home)?;
    let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)), "--port").await?;
    let mut kernel = build_kernel(policies, &secrets, listener)?;
    let (address, version) = (kernel.address, &kernel.version);
    out(&format!("The safety kernel is up at {address}, by policy {version}. Ctrl-C stops it."));
    tokio::select! {
        ended = kernel.ended() => ended?,
        () = signals.any() => kernel.stop().await?,
    }
    Ok(Exit::Done)
}
