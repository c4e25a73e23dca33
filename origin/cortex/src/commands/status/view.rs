//! The output of `cortex status --json`. Scripts of the hybrid set-up (a model host beside
//! containers) read `ports`, `mlx`, `containers` and `connectivity`.

use std::path::PathBuf;

use cortex_api::WorkerView;
use reqwest::Url;
use serde::Serialize;

use super::super::health::{ComponentHealth, ComponentStatus};
use crate::config::Ports as UpPorts;
use crate::ports::PortOwner;
use crate::running::{Process, Running};

#[derive(Debug, Serialize)]
pub(super) struct StatusView {
    pub(super) running: bool,
    pub(super) pid: Option<u32>,
    ports: Ports,
    mlx: ModelHost,
    /// Always empty: CortexOS runs processes, not containers.
    containers: [(); 0],
    connectivity: Connectivity,
    edge: Option<ComponentHealth>,
    origin: Option<ComponentHealth>,
    pub(super) workers: Vec<WorkerView>,
    pub(super) models: Vec<String>,
    pub(super) processes: Vec<Process>,
}

/// The ports in use, or those of a `cortex up` without flags.
#[derive(Debug, Serialize)]
struct Ports {
    edge: Option<u16>,
    api: Option<u16>,
    grpc: Option<u16>,
    mlx: Option<u16>,
    /// The dashboard has the API's port.
    webui: Option<u16>,
}

/// The model host.
#[derive(Debug, Default, Serialize)]
struct ModelHost {
    running: bool,
    pid: Option<u32>,
    url: Option<String>,
    responding: bool,
    log: Option<PathBuf>,
    #[serde(skip)]
    part: Option<ComponentHealth>,
}

/// The components that respond. The model gateway is the model host: they share a port.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Connectivity {
    edge: bool,
    api: bool,
    mlx: bool,
    model_gateway: bool,
    webui: bool,
}

impl StatusView {
    pub(super) fn not_running(plan: UpPorts) -> Self {
        let port = |port: u16| (port != 0).then_some(port);
        let ports = Ports {
            edge: port(plan.edge),
            api: port(plan.api),
            grpc: port(plan.grpc),
            mlx: port(plan.host),
            webui: port(plan.api),
        };
        Self {
            running: false,
            pid: None,
            ports,
            mlx: ModelHost::default(),
            containers: [],
            connectivity: Connectivity::default(),
            edge: None,
            origin: None,
            workers: Vec::new(),
            models: Vec::new(),
            processes: Vec::new(),
        }
    }

    pub(super) fn of(
        running: Running,
        parts: Vec<ComponentHealth>,
        workers: Vec<WorkerView>,
        models: Vec<String>,
        owner: impl Fn(u16) -> Option<PortOwner>,
    ) -> Self {
        let [edge, origin, host] =
            ["edge", "origin", "host"].map(|name| parts.iter().find(|part| part.name == name).cloned());
        let answers = |part: &Option<ComponentHealth>| {
            part.as_ref().is_some_and(|part| part.status != ComponentStatus::Away)
        };
        let host_port = running.host.as_deref().and_then(port);
        let pid = host_port.and_then(owner).map(|owner| owner.pid);
        let worker = workers.iter().find(|worker| Some(worker.pid) == pid).map(|worker| worker.id.as_str());
        let log = log(&running.processes, worker.unwrap_or("embed-1"));
        Self {
            running: true,
            pid: Some(running.pid),
            ports: Ports {
                edge: running.edge.as_deref().and_then(port),
                api: port(&running.origin),
                grpc: running.grpc.as_deref().and_then(port),
                mlx: host_port,
                webui: port(&running.origin),
            },
            connectivity: Connectivity {
                edge: answers(&edge),
                api: answers(&origin),
                mlx: answers(&host),
                model_gateway: answers(&host),
                webui: false,
            },
            mlx: ModelHost {
                running: pid.is_some() || answers(&host),
                pid,
                url: running.host,
                responding: answers(&host),
                log,
                part: host,
            },
            containers: [],
            edge,
            origin,
            workers,
            models,
            processes: running.processes,
        }
    }

    /// Returns the components that should run.
    pub(super) fn check_components(&self) -> Vec<ComponentHealth> {
        [&self.edge, &self.origin, &self.mlx.part].into_iter().flatten().cloned().collect()
    }
}

/// Returns the log of a worker.
fn log(processes: &[Process], worker: &str) -> Option<PathBuf> {
    processes.iter().find(|process| process.name == worker).map(|process| process.log.clone())
}

fn port(url: &str) -> Option<u16> {
    url.parse::<Url>().ok()?.port_or_known_default()
}
