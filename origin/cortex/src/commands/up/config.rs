//! What `cortex up` runs: its arguments, and what was read from the files that they name.

use std::net::{Ipv4Addr, SocketAddr};

use cortex_node::{Config, Operator};

use super::args::{Part, UpArgs};
use super::workers::{Kind, WorkerSpec};
use crate::exit::{Exit, Failure};

/// What is to run, checked.
#[derive(Debug)]
pub(crate) struct UpConfig {
    pub(crate) args: UpArgs,
    pub(crate) node: Config,
    pub(crate) workers: Vec<WorkerSpec>,
}

impl UpConfig {
    /// Reads the configuration and starts nothing.
    ///
    /// # Errors
    /// Returns an error if a file or a flag can't be used.
    pub(crate) fn read(args: UpArgs) -> Result<Self, Failure> {
        let workers = if args.with(Part::Workers) {
            args.workers.iter().map(|text| WorkerSpec::read(text)).collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        let edge = args.edge_url.as_deref().map(str::parse).transpose();
        let operator = Operator {
            tenant: args.tenant.clone(),
            api_key: args.api_key.clone(),
            allowed_hosts: args.allowed_hosts.clone(),
        };
        let mut node = Config::load(&args.config.files(), args.config.safety_kernel.clone(), operator)?;
        node.gateway.edge =
            edge.map_err(|error| Failure::message(Exit::Config, format!("--edge-url: {error}")))?;
        Ok(Self { args, node, workers })
    }

    /// Returns whether a worker of a kind runs here.
    #[must_use]
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.workers.iter().any(|spec| spec.kind == kind && spec.count > 0)
    }

    /// The topics that the edge takes, separated by commas.
    #[must_use]
    pub(crate) fn topics(&self) -> String {
        let topics: Vec<_> = self.node.scheduler.catalogue.topics().map(ToString::to_string).collect();
        topics.join(",")
    }

    /// Where the API listens.
    #[must_use]
    pub(crate) fn api(&self) -> SocketAddr {
        SocketAddr::new(self.args.listen, self.args.api_port)
    }

    /// Where the gRPC door listens. It opens to local callers alone, so it is left out where the API is not on loopback.
    #[must_use]
    pub(crate) fn grpc(&self) -> Option<SocketAddr> {
        let open = self.args.grpc_port != 0 && self.args.listen.is_loopback();
        open.then(|| SocketAddr::new(self.args.listen, self.args.grpc_port))
    }

    /// Where the edge listens, unless it is left out.
    #[must_use]
    pub(crate) fn edge(&self) -> Option<SocketAddr> {
        self.args.with(Part::Edge).then(|| SocketAddr::from((Ipv4Addr::LOCALHOST, self.args.edge_port)))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn opens(listen: &str, port: &str) -> bool {
        let cli = Cli::parse_from(["cortex", "up", "--listen", listen, "--grpc-port", port]);
        let Command::Up(args) = cli.command else { panic!("`up` is `up`") };
        UpConfig::read(args).unwrap().grpc().is_some()
    }

    #[test]
    fn the_grpc_door_opens_on_loopback_alone() {
        assert!(opens("127.0.0.1", "50052"));
        assert!(!opens("0.0.0.0", "50052"));
        assert!(!opens("127.0.0.1", "0"));
    }
}
