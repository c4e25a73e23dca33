//! What all roles of a node use.

use std::sync::Arc;

use cortex_bus::payload::TieredPayloads;
use cortex_domain::ports::{Bus, Store};
use cortex_platform::clock::Clock;
use cortex_platform::metrics::Registry;

/// What all roles of a node use.
pub(crate) struct Common {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) payloads: Arc<TieredPayloads>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Clock,
    pub(crate) registry: Registry,
}
