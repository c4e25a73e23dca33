//! The routes' view of the job store. Each tenant sees its own jobs, and has a share of the reads.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use cortex_api::{JobView, Problem, topics};
use cortex_bus::payload::TieredPayloads;
use cortex_domain::catalogue::TopicCatalogue;
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::job::Job;
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Payloads, Query, Sequence, Store};
use cortex_domain::state::State;
use cortex_platform::clock::Clock;
use tokio_util::sync::CancellationToken;

use super::view;
use crate::blocking::BlockingPool;
use crate::concurrency::ConcurrencyLimit;
use crate::error;
use crate::job_watcher::JobWatcher;

/// Access to jobs. Clones share everything.
#[derive(Clone)]
pub(crate) struct Jobs(pub(super) Arc<Parts>);

/// The dependencies of jobs.
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) payloads: Arc<TieredPayloads>,
    pub(crate) catalogue: Arc<TopicCatalogue>,
    pub(crate) topics: topics::KnownTopics,
    pub(crate) clock: Clock,
    pub(crate) blocking: BlockingPool,
    /// Limits the submissions of each tenant that wait for the store.
    pub(crate) submissions: ConcurrencyLimit,
    /// Limits the reads of each tenant.
    pub(crate) reads: ConcurrencyLimit,
    pub(crate) watcher: JobWatcher,
    /// Cancelled once the gateway stops.
    pub(crate) stop: CancellationToken,
}

impl Jobs {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Returns a tenant's job.
    ///
    /// # Errors
    /// Returns an error if the tenant has no such job. Another tenant's job looks the same. Also
    /// returns an error if the tenant has too many reads in progress.
    pub(crate) async fn get(&self, tenant: &Tenant, id: JobId) -> Result<Job, Problem> {
        let _permit = self.0.reads.acquire(tenant)?;
        let job = self.0.store.job(id).await.map_err(|error| error::from_store(&error))?;
        job.filter(|job| job.tenant() == tenant).ok_or_else(error::job_not_found)
    }

    /// Returns a page of a tenant's jobs.
    ///
    /// # Errors
    /// Returns an error if the store fails, or if the tenant has too many reads in progress.
    pub(crate) async fn page(&self, query: Query) -> Result<Vec<Job>, Problem> {
        let _permit = self.0.reads.acquire(&query.tenant)?;
        self.0.store.jobs(query).await.map_err(|error| error::from_store(&error))
    }

    /// Returns a job with its result, if it has one.
    ///
    /// # Errors
    /// Returns an error if the result can't be read.
    pub(crate) async fn with_result(&self, job: &Job) -> Result<JobView, Problem> {
        let result = match &job.state {
            State::Succeeded { result } => self.result(*result).await?,
            _ => None,
        };
        Ok(view::view(job, result))
    }

    /// Returns whether the store responds.
    pub(crate) async fn is_reachable(&self) -> bool {
        self.0.store.outbox(Sequence::default(), 1).await.is_ok()
    }

    async fn result(&self, pointer: Pointer) -> Result<Option<Bytes>, Problem> {
        self.0.payloads.get(pointer).await.map_err(|error| error::from_store(&error))
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").finish_non_exhaustive()
    }
}
