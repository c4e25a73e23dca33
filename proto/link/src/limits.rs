//! The limits of a link, and the settings of its protocol.

use std::time::Duration;

use cortex_wire::MAX_PACKET;

/// The flow-control window of a stream. A large payload should not wait for it.
pub(super) const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
/// A worker has one stream. This prevents parallel guesses of a token on one connection.
pub(super) const MAX_STREAMS: u32 = 1;
/// After this time without data, a peer is asked whether it is alive.
pub(super) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// The limits of a link.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest input or answer, in bytes.
    pub payload: usize,
    /// The interval of heartbeats.
    pub heartbeat: Duration,
    /// Maximum number of a worker's reports that are being settled at the same time.
    pub reports: usize,
}

impl Limits {
    /// Returns the longest message: a payload with the packet around it.
    pub(super) fn message(&self) -> usize {
        self.payload.saturating_add(MAX_PACKET)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload: 16 * 1024 * 1024, heartbeat: Duration::from_secs(2), reports: 256 }
    }
}
