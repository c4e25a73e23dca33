//! From a folder or a file to an engine that runs.

mod options;
mod tokenizer;

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cortex_api::LoadStep;
use cortex_transformer::{Model, Options};

pub use options::LoadOptions;

use super::{Engine, Identity, Place, PlaceError, Placed, StartError};
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
    #[error("the tokenizer has {tokens} tokens, but the model knows {rows}")]
    Vocabulary { tokens: usize, rows: usize },
    #[error(transparent)]
    Place(#[from] PlaceError),
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
    let place = Place::open(options.device, options.dtype)?.within(options.memory.unwrap_or(u64::MAX));
    let mut tell = |now| {
        progress(now);
        options.check()
    };
    tell(LoadStep::Tokenizer)?;
    let tokenizer = tokenizer::open(path)?;
    let model = open(path, &place, options, &mut tell)?;
    let (tokens, rows) = (tokenizer.vocabulary(), model.shape().vocabulary);
    if tokens > rows {
        return Err(LoadError::Vocabulary { tokens, rows });
    }
    let quantisation = model.description().quantisation.to_owned();
    let mut placed = bring(model, &place, options, &mut tell)?;
    tell(LoadStep::WarmUp)?;
    placed.warm_up().map_err(LoadError::Broken)?;
    tell(LoadStep::Start)?;
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
    place: &Place,
    options: &LoadOptions,
    tell: &mut dyn FnMut(LoadStep) -> Result<(), LoadError>,
) -> Result<Model, LoadError> {
    let loops = place.device() == Device::Cpu;
    let threads = if loops { options.threads } else { NonZeroUsize::MIN };
    let fits = |of| match place.free() {
        free if loops && of > free => Err(PlaceError::Memory { what: "the weights", needs: of, free }),
        _ => Ok(()),
    };
    let mut stopped = None;
    let opened = Model::open(path, &Options { threads, context: options.context }, &mut |now| {
        let told = tell(LoadStep::Weights { read: now.read, of: now.of });
        let fits = if now.read == 0 { fits(now.of) } else { Ok(()) };
        go_on(told.and(fits.map_err(LoadError::Place)), &mut stopped)
    });
    stopped.map_or(opened.map_err(LoadError::Model), Err)
}

fn bring(
    model: Model,
    place: &Place,
    options: &LoadOptions,
    tell: &mut dyn FnMut(LoadStep) -> Result<(), LoadError>,
) -> Result<Placed, LoadError> {
    let (of, running) = (model.shape().layers, options.settings.running);
    let mut stopped = None;
    let placed = Placed::new(model, place, options.cache_bytes, running, &mut |layers| {
        go_on(tell(LoadStep::Device { layers: layers as u64, of: of as u64 }), &mut stopped)
    });
    stopped.map_or(placed.map_err(LoadError::Place), Err)
}

/// Keeps the reason why a step of the load is its last.
fn go_on(told: Result<(), LoadError>, stopped: &mut Option<LoadError>) -> ControlFlow<()> {
    match told {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            *stopped = Some(error);
            ControlFlow::Break(())
        }
    }
}
