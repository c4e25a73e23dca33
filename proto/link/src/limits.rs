//! What a link allows, and how its two ends speak.

use std::time::Duration;

use cortex_wire::MAX_PACKET;

/// Flow control: how much of a stream may be under way. A large payload should not wait for it.
pub(super) const WINDOW: u32 = 4 * 1024 * 1024;
/// A worker has one stream. Guesses at a token can't run beside each other on one connection.
pub(super) const MAX_STREAMS: u32 = 1;
/// A peer that is silent for so long is asked whether it is there.
pub(super) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// What a link allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest input or answer, in bytes.
    pub payload: usize,
    /// How often workers are to send a heartbeat.
    pub heartbeat: Duration,
    /// Reports of one worker that are being settled at a time.
    pub reports: usize,
}

impl Limits {
    /// The longest message: a payload with the packet around it.
    pub(super) fn message(&self) -> usize {
        self.payload.saturating_add(MAX_PACKET)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload: 16 * 1024 * 1024, heartbeat: Duration::from_secs(2), reports: 256 }
    }
}
