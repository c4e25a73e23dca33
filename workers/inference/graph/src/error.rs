/// Why a graph can't be built or a step failed.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    #[error(transparent)]
    Step(#[from] cortex_transformer::ForwardError),
    /// The device failed, for example for lack of memory. The step's part of the cache is lost.
    #[error("the device failed: {0}")]
    Device(#[from] candle_core::Error),
    #[error("the load was cancelled")]
    Stopped,
}
