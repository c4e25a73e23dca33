//! What a worker says on the way while it loads a model.

use serde::{Deserialize, Serialize};

/// What the load does next, as a line of JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum LoadStep {
    /// Bytes of the files whose hashes are being checked, and all there are.
    Check {
        read: u64,
        of: u64,
    },
    Tokenizer,
    /// Bytes of weights that are in memory, and all there are.
    Weights {
        read: u64,
        of: u64,
    },
    /// Layers that are on the device, and all there are; never on the CPU by our own loops.
    Device {
        layers: u64,
        of: u64,
    },
    WarmUp,
    Start,
}
