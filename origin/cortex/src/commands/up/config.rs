//! The configuration of `cortex up`: its arguments and the contents of the files that they name.

use std::net::{Ipv4Addr, SocketAddr};

use cortex_domain::id::ModelName;
use cortex_node::{Config, Operator};

use super::args::{Component, UpArgs};
use super::workers::{WorkerKind, WorkerSpec};
use crate::exit::{Exit, Failure};

/// Returns the error for an invalid `--edge-url`.
pub(crate) fn invalid_edge_url(error: &impl std::fmt::Display) -> Failure {
    let help = "write it as http://HOST:PORT or https://HOST (--edge-url, CORTEX_EDGE_URL)";
    Failure::message(Exit::Config, format!("invalid --edge-url: {error}"), help)
}

/// The validated configuration.
#[derive(Debug)]
pub(crate) struct UpConfig {
    pub(crate) args: UpArgs,
    pub(crate) node: Config,
    pub(crate) workers: Vec<WorkerSpec>,
}

/// What the workers of a stack serve.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) echo: bool,
    /// The embedding model.
    pub(crate) embeddings: Option<ModelName>,
    pub(crate) chat: bool,
}

impl UpConfig {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Returns an error if a file or a flag is invalid.
    pub(crate) fn read(args: UpArgs) -> Result<Self, Failure> {
        let workers = if args.with(Component::Workers) {
            args.workers.iter().map(|text| WorkerSpec::read(text)).collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        let edge = args.edge_url.as_deref().map(str::parse).transpose();
        let operator = Operator {
            tenant: args.stack.tenant.clone(),
            api_key: args.api_key.clone(),
            allowed_hosts: args.allowed_hosts.clone(),
        };
        let mut node =
            Config::load(&args.stack.config.files(), args.stack.config.safety_kernel.clone(), operator)?;
        args.engines.set(&mut node)?;
        node.gateway.edge = edge.map_err(|error| invalid_edge_url(&error))?;
        Ok(Self { args, node, workers })
    }

    /// Returns whether a worker of a kind runs here.
    #[must_use]
    pub(crate) fn has(&self, kind: WorkerKind) -> bool {
        self.workers.iter().any(|spec| spec.kind == kind && spec.count > 0)
    }

    /// Returns what the workers serve.
    #[must_use]
    pub(crate) fn served(&self) -> Served {
        Served {
            echo: self.has(WorkerKind::Echo),
            embeddings: self.has(WorkerKind::Embed).then(|| self.args.stack.embeddings_model.clone()),
            chat: self.has(WorkerKind::Chat),
        }
    }

    /// Returns the topics that the edge accepts, separated by commas.
    #[must_use]
    pub(crate) fn topics(&self) -> String {
        let topics: Vec<_> = self.node.scheduler.catalogue.topics().map(ToString::to_string).collect();
        topics.join(",")
    }

    /// Returns the address of the edge, unless it is left out.
    #[must_use]
    pub(crate) fn edge(&self) -> Option<SocketAddr> {
        self.args.with(Component::Edge).then(|| SocketAddr::from((Ipv4Addr::LOCALHOST, self.args.edge_port)))
    }
}
