//! The metrics of a node: those of every component, and the jobs in the store.

use std::collections::HashMap;
use std::sync::Arc;

use cortex_domain::ports::Store;
use cortex_domain::state::StateName;
use cortex_platform::metrics::{self, IntGaugeVec, Registry, top};

/// Reads the metrics of a node. Clones share the metrics.
#[derive(Clone)]
pub(crate) struct NodeMetrics {
    registry: Registry,
    store: Arc<dyn Store>,
    jobs: IntGaugeVec,
}

impl NodeMetrics {
    pub(crate) fn new(registry: Registry, store: Arc<dyn Store>) -> Self {
        let jobs = metrics::gauges(
            "cortex_jobs",
            "Jobs in the store. The fifty tenants with the most jobs have their own label, and \
                `other` is the sum of the rest.",
            &["state", "tenant"],
        );
        registry.add(jobs.clone());
        Self { registry, store, jobs }
    }

    /// Returns the metrics as text. If the store fails, the job counts are those of the last read.
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
        self.registry.text()
    }

    fn set(&self, counts: &HashMap<(String, StateName), u64>) {
        self.jobs.reset();
        for ((tenant, state), jobs) in counts {
            let jobs = i64::try_from(*jobs).unwrap_or(i64::MAX);
            self.jobs.with_label_values(&[state.as_str(), tenant.as_str()]).set(jobs);
        }
    }
}
