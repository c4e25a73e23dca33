//! From a folder or a file to an engine that runs.

mod options;
mod tokenizer;

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cortex_api::LoadStep;
use cortex_transformer::{Model, Options};

pub use options::LoadOptions;

use super::{ComputeDevice, Engine, Identity, PlacedModel, PlacementError, StartError};
use crate::Device;

/// FinishKind a model isn't loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{}: {reason}", path.display())]
    Tokenizer { path: PathBuf, reason: String },
    #[error(transparent)]
    Model(cortex_transformer::LoadError),
    #[error("the tokenizer has {tokens} tokens, but the model knows {rows}")]
    Vocabulary { tokens: usize, rows: usize },
    #[error(transparent)]
    Placement(#[from] PlacementError),
    #[error("the model can't be run: {0}")]
    Broken(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the model was not loaded in time")]
    Deadline,
    #[error("the load was cancelled")]
    Cancelled,
}

/// Loads a model and starts its engine: a folder with `config.json`, safetensors and `tokenizer.json`, or a GGUF file
/// with a vocabulary. Blocks until it has run once; `progress` hears how far it is, and between its calls the load
/// ends when it is cancelled or its deadline has passed.
///
/// # Errors
/// If a file is missing, damaged or not supported, the device can't be used, memory doesn't suffice, or what comes of
/// the first step is no number.
pub fn load(
    path: &Path,
    options: &LoadOptions,
    progress: &mut dyn FnMut(LoadStep),
) -> Result<Engine, LoadError> {
    let place =
        ComputeDevice::open(options.device, options.dtype)?.within(options.memory.unwrap_or(u64::MAX));
    let mut report = |now| {
        progress(now);
        options.check()
    };
    report(LoadStep::Tokenizer)?;
    let tokenizer = tokenizer::open(path)?;
    let model = open(path, &place, options, &mut report)?;
    let (tokens, rows) = (tokenizer.vocabulary(), model.shape().vocabulary);
    if tokens > rows {
        return Err(LoadError::Vocabulary { tokens, rows });
    }
    let quantisation = model.description().quantisation.to_owned();
    let mut placed = place_model(model, &place, options, &mut report)?;
    report(LoadStep::WarmUp)?;
    placed.warm_up().map_err(LoadError::Broken)?;
    report(LoadStep::Start)?;
    let identity = Identity {
        model: options.name.clone(),
        sha256: options.sha256.clone(),
        quantisation,
        device: place.device().to_string(),
        dtype: place.dtype().to_string(),
    };
    let engine = Engine::start(placed, tokenizer, identity, &options.settings)?;
    options.check()?;
    Ok(engine)
}

/// Maps the weights and brings them into memory, if they fit where they are used from there.
fn open(
    path: &Path,
    place: &ComputeDevice,
    options: &LoadOptions,
    report: &mut dyn FnMut(LoadStep) -> Result<(), LoadError>,
) -> Result<Model, LoadError> {
    let loops = place.device() == Device::Cpu;
    let threads = if loops { options.threads } else { NonZeroUsize::MIN };
    let fits = |of| match place.free() {
        free if loops && of > free => Err(PlacementError::Memory { what: "the weights", needs: of, free }),
        _ => Ok(()),
    };
    let mut stopped = None;
    let opened = Model::open(path, &Options { threads, context: options.context }, &mut |now| {
        let reported = report(LoadStep::Weights { read: now.read, of: now.of });
        let fits = if now.read == 0 { fits(now.of) } else { Ok(()) };
        continue_load(reported.and(fits.map_err(LoadError::Placement)), &mut stopped)
    });
    stopped.map_or(opened.map_err(LoadError::Model), Err)
}

fn place_model(
    model: Model,
    place: &ComputeDevice,
    options: &LoadOptions,
    report: &mut dyn FnMut(LoadStep) -> Result<(), LoadError>,
) -> Result<PlacedModel, LoadError> {
    let (of, running) = (model.shape().layers, options.settings.running);
    let mut stopped = None;
    let placed = PlacedModel::new(model, place, options.cache_bytes, running, &mut |layers| {
        continue_load(report(LoadStep::Device { layers: layers as u64, of: of as u64 }), &mut stopped)
    });
    stopped.map_or(placed.map_err(LoadError::Placement), Err)
}

/// Keeps the reason why a step of the load is its last.
fn continue_load(reported: Result<(), LoadError>, stopped: &mut Option<LoadError>) -> ControlFlow<()> {
    match reported {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            *stopped = Some(error);
            ControlFlow::Break(())
        }
    }
}
