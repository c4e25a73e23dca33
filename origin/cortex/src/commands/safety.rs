//! `cortex safety`: the same as `cortex serve safety`.

use std::path::PathBuf;

use cortex_node::Home;

use super::serve;
use crate::args::MetricsArgs;
use crate::config;
use crate::exit::{Exit, Failure};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A file with the policy of each tenant [default: built in]
    #[arg(long, env = "SAFETY_POLICY_PATH", value_name = "FILE")]
    pub(crate) safety: Option<PathBuf>,
    /// The port to listen on, on loopback
    #[arg(long, default_value_t = config::KERNEL_PORT, value_name = "PORT")]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}

/// Runs the safety kernel until Ctrl-C.
///
/// # Errors
/// Returns an error if the policy file is invalid or the port is in use.
pub(crate) async fn run(home: &Home, args: Args) -> Result<Exit, Failure> {
    serve::kernel(home, args.safety, args.port, &args.metrics).await
}
