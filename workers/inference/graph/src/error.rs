/// Why a graph can't be made or a step isn't run.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    #[error(transparent)]
    Step(#[from] cortex_transformer::ForwardError),
    /// The device refused, be it for want of memory; the step's part of the cache is lost.
    #[error("the device: {0}")]
    Device(#[from] candle_core::Error),
    #[error("the load was stopped")]
    Stopped,
}
