//! The metrics of a node: those of every component, the jobs in the store, and those of the worker
//! processes that it started.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use cortex_domain::ports::Store;
use cortex_domain::state::StateName;
use cortex_platform::metrics::{self, IntGaugeVec, ProcessMetrics, Registry, socket, top};
use futures::future::join_all;

/// The label with the id of the worker that a sample is from.
const WORKER: &str = "worker";

/// A worker process on this machine.
#[derive(Debug, Clone)]
pub struct WorkerMetrics {
    /// The worker's id.
    pub worker: String,
    /// The Unix socket on which it passes on its metrics.
    pub socket: PathBuf,
}

/// Reads the metrics of a node. Clones share the metrics.
#[derive(Clone)]
pub(crate) struct NodeMetrics {
    registry: Registry,
    store: Arc<dyn Store>,
    jobs: IntGaugeVec,
    workers: Arc<[WorkerMetrics]>,
}

impl NodeMetrics {
    pub(crate) fn new(registry: Registry, store: Arc<dyn Store>, workers: Vec<WorkerMetrics>) -> Self {
        let jobs = metrics::gauges(
            "cortex_jobs",
            "Jobs in the store. The fifty tenants with the most jobs have their own label, and \
                `other` is the sum of the rest.",
            &["state", "tenant"],
        );
        registry.add(jobs.clone());
        Self { registry, store, jobs, workers: workers.into() }
    }

    /// Returns the metrics as text. If the store fails, the job counts are those of the last read.
    /// A worker that can't be read is left out.
    pub(crate) async fn read(&self) -> String {
        match self.store.counts().await {
            Ok(counts) => {
                let counts = counts.into_iter().map(|count| (count.tenant, count.state, count.jobs));
                self.set(&top::by_tenant(counts));
            }
            Err(error) => {
                tracing::warn!(%error, "the jobs in the store could not be counted for the metrics")
            }
        }
        let workers = join_all(self.workers.iter().map(worker_text)).await;
        metrics::join(&self.registry.text(), WORKER, &workers.into_iter().flatten().collect::<Vec<_>>())
    }

    fn set(&self, counts: &HashMap<(String, StateName), u64>) {
        self.jobs.reset();
        for ((tenant, state), jobs) in counts {
            let jobs = i64::try_from(*jobs).unwrap_or(i64::MAX);
            self.jobs.with_label_values(&[state.as_str(), tenant.as_str()]).set(jobs);
        }
    }
}

async fn worker_text(WorkerMetrics { worker, socket }: &WorkerMetrics) -> Option<ProcessMetrics> {
    match socket::read(socket).await {
        Ok(text) => Some(ProcessMetrics { process: worker.clone(), text }),
        Err(error) => {
            tracing::debug!(%error, worker, "the metrics of a worker could not be read");
            None
        }
    }
}
