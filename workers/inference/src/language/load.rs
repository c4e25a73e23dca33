//! Loads a model from a folder or file and starts its engine.

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

/// Why a model isn't loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{}: {reason}", path.display())]
    Tokenizer { path: PathBuf, reason: String },
    #[error(transparent)]
    Model(cortex_transformer::LoadError),
    #[error("the tokenizer has {tokens} tokens, but the model's vocabulary has {rows}")]
    Vocabulary { tokens: usize, rows: usize },
    #[error(transparent)]
    Placement(#[from] PlacementError),
    #[error("the model failed its test run: {0}")]
    Broken(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("loading the model took too long")]
    Deadline,
    #[error("the load was cancelled")]
    Cancelled,
}

/// Loads a model and starts its engine. The path is a folder with `config.json`, safetensors and
/// `tokenizer.json`, or a GGUF file with a vocabulary.
///
/// Blocks until the model has run once, and reports each step to `progress`. Between the steps the
/// load ends if it is cancelled or its deadline has passed.
///
/// # Errors
///
/// Returns an error if a file is missing, damaged or unsupported, if the device can't be used or
/// has too little memory, or if the first step's logits are not finite.
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

/// Maps the weights and reads them into memory, if they fit and are used from there.
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

/// Records why a step ends the load.
fn continue_load(reported: Result<(), LoadError>, stopped: &mut Option<LoadError>) -> ControlFlow<()> {
    match reported {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            *stopped = Some(error);
            ControlFlow::Break(())
        }
    }
}
