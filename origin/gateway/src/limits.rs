//! Limits on what may be open at the same time, so that no tenant can take the resources of others.

use std::time::Duration;

/// How long open requests may take to end after the APIs stop accepting new ones.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The limits on what may be open at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of the HTTP API.
    pub connections: usize,
    /// Bytes of bodies that are being read. A tenant may have as much as the others leave free,
    /// times its weight.
    pub bodies: usize,
    /// Submissions that wait for the store. Tenants share it in the same way.
    pub submissions: usize,
    /// Streamed responses.
    pub streams: SharedLimit,
    /// Clients that stream events of job logs or of responses.
    pub readers: SharedLimit,
    /// Clients that stream events of the same job.
    pub readers_of_job: usize,
    /// Bytes of responses that their clients have not read.
    pub unread_bytes: SharedLimit,
    /// Bytes of ended streams that clients may resume.
    pub ended_bytes: SharedLimit,
}

/// A limit for all tenants together, and one for each tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedLimit {
    pub all: usize,
    pub of_tenant: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            bodies: 64 * 1024 * 1024,
            // The queue of the store's writer is twice as long.
            submissions: 2048,
            streams: SharedLimit { all: 1024, of_tenant: 256 },
            readers: SharedLimit { all: 2048, of_tenant: 512 },
            readers_of_job: 16,
            unread_bytes: SharedLimit { all: 1024 * 1024 * 1024, of_tenant: 256 * 1024 * 1024 },
            ended_bytes: SharedLimit { all: 64 * 1024 * 1024, of_tenant: 16 * 1024 * 1024 },
        }
    }
}
