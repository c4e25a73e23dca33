//! How much may be open at once, so that nobody takes what others need.

use std::time::Duration;

/// How long open requests have to end once the door is closed.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How much the gateway lets be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of the HTTP door.
    pub connections: usize,
    /// Bytes of bodies that are being read. A tenant has as much as the others leave free, times its weight.
    pub bodies: usize,
    /// Submissions that wait for the store, of which a tenant has its share in the same way.
    pub submissions: usize,
    /// Answers that stream.
    pub streams: SharedLimit,
    /// Those who read events as they come: of jobs' logs, and of answers.
    pub readers: SharedLimit,
    /// Such readers of one job.
    pub readers_of_job: usize,
    /// Bytes of answers that wait to be taken by their clients.
    pub unread_bytes: SharedLimit,
    /// Bytes of streams that have ended and are kept for clients that may come back for the rest.
    pub ended_bytes: SharedLimit,
}

/// A number for all tenants together, and for each of them.
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
            // The store's writer has a line that is twice as long.
            submissions: 2048,
            streams: SharedLimit { all: 1024, of_tenant: 256 },
            readers: SharedLimit { all: 2048, of_tenant: 512 },
            readers_of_job: 16,
            unread_bytes: SharedLimit { all: 1024 * 1024 * 1024, of_tenant: 256 * 1024 * 1024 },
            ended_bytes: SharedLimit { all: 64 * 1024 * 1024, of_tenant: 16 * 1024 * 1024 },
        }
    }
}
