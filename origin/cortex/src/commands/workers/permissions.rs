//! `cortex workers permissions`: the users of a worker that uses the servers of the bus and the
//! store itself.

use std::path::PathBuf;

use cortex_domain::id::{Pool, WorkerId};
use cortex_node::{Files, WorkerRightsError, nats_worker, redis_worker};
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output;

/// A bus that several processes use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SharedBus {
    Nats,
}

/// A store that knows the rights of single keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SharedStore {
    Redis,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("server").required(true).multiple(true).args(["bus", "store"]))]
pub(crate) struct Args {
    /// The id of the worker
    #[arg(long, value_name = "ID")]
    worker: WorkerId,
    /// A pool that the worker serves; repeat the option for several
    #[arg(long = "pool", value_name = "POOL", required = true, value_delimiter = ',')]
    pools: Vec<Pool>,
    /// Print the user of a NATS server, for its list `authorization.users`
    #[arg(long, value_name = "BUS", requires = "nats_nkey")]
    bus: Option<SharedBus>,
    /// The file with the seed of the worker's nkey, which is created if it is missing
    #[arg(long, value_name = "FILE")]
    nats_nkey: Option<PathBuf>,
    /// Print the command that creates the user of a Redis or Valkey server
    #[arg(long, value_name = "STORE", requires = "redis_password")]
    store: Option<SharedStore>,
    /// The file with the worker's password for Redis, which is created if it is missing
    #[arg(long, value_name = "FILE")]
    redis_password: Option<PathBuf>,
    /// A file with the topics and the pools that serve them [default: built in]
    #[arg(long = "pools", env = "POOL_CONFIG_PATH", value_name = "FILE")]
    pools_file: Option<PathBuf>,
}

/// Prints the users.
///
/// # Errors
/// Returns an error if a pool is unknown, or a file can't be used.
pub(super) fn run(args: &Args, json: bool) -> Result<Exit, Failure> {
    let files = Files { pools: args.pools_file.clone(), ..Files::default() };
    // clap demands the file of each.
    let nats = args.bus.and(args.nats_nkey.as_deref());
    let nats = nats.map(|nkey| nats_worker(&files, &args.worker, &args.pools, nkey)).transpose()?;
    let redis = args.store.and(args.redis_password.as_deref());
    let redis = redis.map(|password| redis_worker(&args.worker, password)).transpose()?;
    if json {
        let nats = nats.map(|nats| {
            json!({
                "publish": nats.permissions.publish, "subscribe": nats.permissions.subscribe, "user": nats.user
            })
        });
        output::print_json(&json!({ "worker": args.worker.as_str(), "nats": nats, "redis": redis }))?;
    } else {
        let parts: Vec<_> = nats.map(|nats| nats.user).into_iter().chain(redis).collect();
        output::print(&parts.join("\n"))?;
    }
    Ok(Exit::Done)
}

impl From<WorkerRightsError> for Failure {
    fn from(error: WorkerRightsError) -> Self {
        let (exit, help) = match &error {
            WorkerRightsError::Config(_) => (Exit::Config, crate::exit::CONFIG_FILE),
            WorkerRightsError::UnknownPool(_) => {
                (Exit::BadInput, "`cortex status` shows the pools, and the pools file (--pools) names them")
            }
            WorkerRightsError::Nkey(_)
            | WorkerRightsError::Password { .. }
            | WorkerRightsError::NoPassword { .. } => {
                (Exit::Config, "name a file that does not exist, to create a new secret")
            }
            WorkerRightsError::Write { .. } => {
                (Exit::Config, "name a file in a folder that you may write to")
            }
        };
        Self::new(exit, error, help)
    }
}
