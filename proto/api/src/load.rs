//! The progress of a model load.

use serde::{Deserialize, Serialize};

/// The next step of a load, as a line of JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum LoadStep {
    /// Verified bytes of the files, and their total.
    Check {
        read: u64,
        of: u64,
    },
    Tokenizer,
    /// Loaded bytes of the weights, and their total.
    Weights {
        read: u64,
        of: u64,
    },
    /// Layers on the device, and their total. The built-in CPU backend does not report this step.
    Device {
        layers: u64,
        of: u64,
    },
    WarmUp,
    Start,
}
