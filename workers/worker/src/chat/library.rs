//! The chat models of the catalogue, as the registry's source of models.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cortex_api::{LoadStep, Problem};
use cortex_domain::ErrorCode;
use cortex_domain::id::ModelName;
use cortex_inference::generate::{self, ChatFormat, Defaults, Library, ModelEntry};
use cortex_inference::language::{self, ComputeDevice, LoadError, LoadOptions};
use cortex_inference::{Device, Dtype};
use cortex_models::{Model, ModelCatalogue, ModelKind};
use tokio_util::sync::CancellationToken;

/// The chat models of a catalogue. `folder` holds one folder per model.
#[derive(Debug)]
pub(crate) struct CatalogueLibrary {
    pub(crate) catalogue: ModelCatalogue,
    pub(crate) folder: PathBuf,
    pub(crate) device: Device,
    pub(crate) dtype: Option<Dtype>,
    /// The device, opened to see its free memory. Each model opens the device again, since two
    /// models that compute at once must not share a card's handles.
    pub(crate) place: ComputeDevice,
    pub(crate) threads: NonZeroUsize,
    pub(crate) context: Option<NonZeroUsize>,
    pub(crate) cache_bytes: Option<u64>,
    /// System prompts that all tenants share.
    pub(crate) shared_prompts: Vec<String>,
    /// How long a load may take.
    pub(crate) load_timeout: Duration,
}

impl Library for CatalogueLibrary {
    fn list(&self) -> Vec<ModelEntry> {
        let chat = self.catalogue.iter().filter(|model| matches!(model.kind, ModelKind::Chat { .. }));
        let entry = |model: &Model| ModelEntry {
            name: model.name.clone(),
            bytes: model.size(),
            installed: model.is_in(&self.folder.join(model.name.as_str())),
        };
        chat.map(entry).collect()
    }

    fn free(&self) -> u64 {
        self.place.free()
    }

    fn load(
        &self,
        name: &ModelName,
        memory: u64,
        progress: &mut dyn FnMut(LoadStep),
        cancel: CancellationToken,
    ) -> Result<generate::Model, Problem> {
        let folder = self.folder.join(name.as_str());
        let unusable = |error: &dyn Display| unusable(name, &folder, error);
        let model = self.catalogue.get(name.as_str()).map_err(|error| unusable(&error))?;
        let began = Instant::now();
        let options = LoadOptions {
            sha256: Some(model.sha256()),
            device: self.device,
            dtype: self.dtype,
            threads: self.threads,
            context: self.context.or_else(|| NonZeroUsize::new(model.kind.context()?)),
            memory: Some(memory),
            cache_bytes: self.cache_bytes,
            deadline: Some(began + self.load_timeout),
            cancel,
            ..LoadOptions::new(name.as_str())
        };
        let failed = |error: LoadError| match error {
            LoadError::Deadline => Problem::new(ErrorCode::Timeout, format!("`{name}`: {error}")),
            error => unusable(&error),
        };
        let of = model.size();
        let checked = model.verify_while(&folder, &mut |read| {
            progress(LoadStep::Check { read, of });
            if options.check().is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        checked.map_err(|error| match options.check() {
            Err(unwanted) => failed(unwanted),
            Ok(()) => unusable(&error),
        })?;
        let engine = language::load(&model.weights(&folder), &options, progress).map_err(failed)?;
        let chat_format =
            engine.tokenizer().chat_template().map(|text| ChatFormat::new(text, engine.tokenizer()));
        let chat_format = chat_format.transpose().map_err(|error| unusable(&error))?;
        let chat_format = chat_format.map(|chat_format| chat_format.sharing(self.shared_prompts.clone()));
        let defaults = Defaults::open(&folder).map_err(|error| unusable(&error))?;
        let identity = engine.identity();
        tracing::info!(
            model = %name, device = identity.device, quantisation = identity.quantisation, context = engine.longest(),
            mib = engine.bytes() >> 20, seconds = began.elapsed().as_secs_f32(), "the model is loaded"
        );
        Ok(generate::Model::new(name.clone(), engine, chat_format, defaults))
    }
}

/// Logs why a model can't be loaded, and returns the problem for the caller. The operator's log
/// names the model's folder, and the problem does not.
fn unusable(name: &ModelName, folder: &Path, error: &dyn Display) -> Problem {
    tracing::error!(model = %name, %error, "the model can't be loaded");
    let cause = error.to_string().replace(&folder.display().to_string(), name.as_str());
    Problem::new(ErrorCode::WorkerFailed, format!("the model `{name}` can't be loaded: {cause}"))
}
