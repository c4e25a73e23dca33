//! From a folder or a file to an engine that runs.

mod options;
mod tokenizer;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cortex_transformer::{Model, Options, Store};

pub use options::{LoadOptions, Progress};

use super::{Engine, Identity, PlaceError, Placed, StartError};
use crate::{Device, DeviceError, Dtype, memory};

/// Why a model isn't loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("{device} can't compute in {dtype}: {supported}")]
    Dtype { device: Device, dtype: Dtype, supported: &'static str },
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
    progress: &mut dyn FnMut(Progress),
) -> Result<Engine, LoadError> {
    let store = store(options)?;
    let mut tell = |now| {
        progress(now);
        options.check()
    };
    tell(Progress::Tokenizer)?;
    let tokenizer = tokenizer::open(path)?;
    let model = open(path, options, &mut tell)?;
    let (tokens, rows) = (tokenizer.vocabulary(), model.shape().vocabulary);
    if tokens > rows {
        return Err(LoadError::Vocabulary { tokens, rows });
    }
    let quantisation = model.description().quantisation.to_owned();
    let mut placed = Placed::loops(model, store, options.cache_bytes, options.settings.running)?;
    tell(Progress::WarmUp)?;
    placed.warm_up().map_err(LoadError::Broken)?;
    tell(Progress::Start)?;
    let identity = Identity {
        model: options.name.clone(),
        sha256: options.sha256.clone(),
        quantisation,
        device: Device::Cpu.to_string(),
    };
    let engine = Engine::start(placed, tokenizer, identity, &options.settings)?;
    options.check()?;
    Ok(engine)
}

fn store(options: &LoadOptions) -> Result<Store, LoadError> {
    match (options.device, options.dtype) {
        (Device::Auto | Device::Cpu, None | Some(Dtype::F32)) => Ok(Store::F32),
        (Device::Auto | Device::Cpu, Some(Dtype::F16)) => Ok(Store::F16),
        (Device::Auto | Device::Cpu, Some(dtype)) => {
            Err(LoadError::Dtype { device: Device::Cpu, dtype, supported: "give f32 or f16" })
        }
        (device, _) => {
            device.open()?;
            let reason = "the engine does not run there yet".to_owned();
            Err(DeviceError::Absent { device, reason }.into())
        }
    }
}

/// Maps the weights and brings them into memory, if they fit.
fn open(
    path: &Path,
    options: &LoadOptions,
    tell: &mut dyn FnMut(Progress) -> Result<(), LoadError>,
) -> Result<Model, LoadError> {
    let transformer = Options { threads: options.threads, context: options.context };
    let mut stopped = None;
    let opened = Model::open(path, &transformer, &mut |now| {
        let fits = || match memory::free() {
            free if now.read == 0 && now.of > free => {
                Err(PlaceError::Memory { what: "the weights", needs: now.of, free }.into())
            }
            _ => Ok(()),
        };
        match fits().and_then(|()| tell(Progress::Weights { read: now.read, of: now.of })) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                stopped = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    match stopped {
        Some(error) => Err(error),
        None => opened.map_err(LoadError::Model),
    }
}
