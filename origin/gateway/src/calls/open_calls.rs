//! The open synchronous calls, which can be cancelled by their ids.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cortex_domain::id::{JobId, Tenant};
use tokio_util::sync::CancellationToken;

/// The open calls. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenCalls(Arc<Mutex<HashMap<JobId, (Tenant, CancellationToken)>>>);

impl OpenCalls {
    pub(super) fn insert(&self, job: JobId, tenant: Tenant) {
        self.lock().insert(job, (tenant, CancellationToken::new()));
    }

    pub(super) fn remove(&self, job: JobId) {
        if let Some((_, ended)) = self.lock().remove(&job) {
            ended.cancel();
        }
    }

    /// Returns the token that is cancelled once a tenant's call has ended.
    pub(super) fn find(&self, job: JobId, tenant: &Tenant) -> Option<CancellationToken> {
        self.lock().get(&job).filter(|(owner, _)| owner == tenant).map(|(_, ended)| ended.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, (Tenant, CancellationToken)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
