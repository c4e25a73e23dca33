//! Several models in one process. Each is loaded on first use, and the least recently used one
//! makes room.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cortex_api::{LoadStep, Problem};
use cortex_domain::ErrorCode;
use cortex_domain::id::ModelName;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Model;
use crate::blocking::BlockingPool;

/// A source of models.
pub trait Library: Send + Sync + 'static {
    /// Returns the models that can be loaded.
    fn list(&self) -> Vec<ModelEntry>;

    /// Returns the free memory in bytes where models are loaded.
    fn free(&self) -> u64;

    /// Loads a model of the list, and blocks meanwhile. Weights and cache may take `memory` bytes.
    ///
    /// # Errors
    ///
    /// Returns a problem if the model can't be loaded.
    fn load(
        &self,
        name: &ModelName,
        memory: u64,
        progress: &mut dyn FnMut(LoadStep),
        cancel: CancellationToken,
    ) -> Result<Model, Problem>;
}

/// A model that can be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelEntry {
    pub name: ModelName,
    /// The size of its weights.
    pub bytes: u64,
    /// Whether its files are on this machine.
    pub installed: bool,
}

/// The models that are loaded, and those that can be. Clones share it.
#[derive(Clone)]
pub struct ModelRegistry {
    inner: Arc<Inner>,
}

struct Inner {
    models: Box<dyn Library>,
    /// Bytes that all models together may take.
    memory: u64,
    loaded: Mutex<HashMap<ModelName, LoadedModel>>,
    /// Only one model is loaded or unloaded at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Notified after each load and unload.
    changed: Notify,
    progress: watch::Sender<Option<(ModelName, LoadStep)>>,
    /// Cancels loads when the worker shuts down.
    shutdown: CancellationToken,
    pool: BlockingPool,
}

#[derive(Debug)]
struct LoadedModel {
    model: Model,
    used: Instant,
    handles: TaskTracker,
}

/// A loaded model. It stays loaded while the handle lives.
#[derive(Debug)]
pub struct ModelHandle {
    model: Model,
    _held: TaskTrackerToken,
}

impl Deref for ModelHandle {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

/// A model takes more memory than its weights. This much must be free besides them.
const MIN_FREE_BESIDE_WEIGHTS: u64 = 64 << 20;
/// When to try again if every model is in use.
const IN_USE_RETRY_AFTER: Duration = Duration::from_secs(5);

impl ModelRegistry {
    /// Creates an empty registry. All models together may take `memory` bytes, by default the
    /// memory that is free now.
    pub fn new(library: impl Library, memory: Option<u64>, shutdown: CancellationToken) -> Self {
        let inner = Inner {
            memory: memory.unwrap_or_else(|| library.free()),
            models: Box::new(library),
            loaded: Mutex::default(),
            turn: Arc::default(),
            changed: Notify::new(),
            progress: watch::Sender::new(None),
            shutdown,
            pool: BlockingPool::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the pool in which tenants' requests are parsed.
    pub fn pool(&self) -> &BlockingPool {
        &self.inner.pool
    }

    /// Returns the models that can be loaded.
    pub fn list(&self) -> Vec<ModelEntry> {
        self.inner.models.list()
    }

    /// Returns the loaded models, sorted by name.
    pub fn loaded(&self) -> Vec<Model> {
        let mut models: Vec<_> =
            self.inner.loaded().values().map(|loaded_model| loaded_model.model.clone()).collect();
        models.sort_by(|a, b| a.name().as_str().cmp(b.name().as_str()));
        models
    }

    /// Returns once a model was loaded or unloaded since the last call.
    pub async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    /// Returns how many bytes further models may take, of the device's memory and the registry's
    /// limit.
    pub fn free(&self) -> u64 {
        self.inner.room()
    }

    /// Returns the progress of the current load.
    pub fn progress(&self) -> watch::Receiver<Option<(ModelName, LoadStep)>> {
        self.inner.progress.subscribe()
    }

    /// Returns a model, and loads it first if necessary. A load continues if the caller
    /// disconnects.
    ///
    /// # Errors
    ///
    /// Returns a problem if there is no such model, it can't be loaded, or no loaded model can make
    /// room for it.
    pub async fn get(&self, name: &ModelName) -> Result<ModelHandle, Problem> {
        if let Some(handle) = self.inner.handle(name) {
            return Ok(handle);
        }
        let entry = self.list().into_iter().find(|entry| entry.name == *name);
        let entry = entry.ok_or_else(|| self.unknown(name))?;
        let inner = self.inner.clone();
        let loading = tokio::spawn(async move { inner.load(entry).await });
        loading.await.unwrap_or_else(|error| {
            tracing::error!(%error, "loading a model panicked");
            Err(Problem::new(ErrorCode::WorkerFailed, "the model could not be loaded"))
        })
    }

    /// Unloads a model once the answers that use it are complete. Returns `false` if it isn't
    /// loaded.
    pub async fn unload(&self, name: &ModelName) -> bool {
        let _turn = self.inner.turn.lock().await;
        let Some(loaded_model) = self.inner.take(name) else { return false };
        loaded_model.stop().await;
        tracing::info!(model = %name, "the model is unloaded");
        true
    }

    /// Returns the problem of a model that does not exist.
    fn unknown(&self, name: &ModelName) -> Problem {
        let names: Vec<_> = self
            .list()
            .into_iter()
            .filter(|entry| entry.installed)
            .map(|entry| entry.name.to_string())
            .collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let detail = format!(
            "unknown model `{name}`: this worker has {known} (`cortex models pull NAME` installs more)"
        );
        Problem::new(ErrorCode::UnknownModel, detail).at("model")
    }
}

impl Inner {
    fn loaded(&self) -> MutexGuard<'_, HashMap<ModelName, LoadedModel>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, name: &ModelName) -> Option<ModelHandle> {
        let mut loaded = self.loaded();
        let loaded_model =
            loaded.get_mut(name).filter(|loaded_model| loaded_model.model.engine().is_alive())?;
        loaded_model.used = Instant::now();
        Some(ModelHandle { model: loaded_model.model.clone(), _held: loaded_model.handles.token() })
    }

    async fn load(self: Arc<Self>, entry: ModelEntry) -> Result<ModelHandle, Problem> {
        let _turn = self.turn.clone().lock_owned().await;
        // Another task may have loaded it in the meantime.
        if let Some(handle) = self.handle(&entry.name) {
            return Ok(handle);
        }
        // A model that is still here has a dead engine.
        drop(self.take(&entry.name));
        let memory = self.make_room(&entry).await?;
        let (inner, name) = (self.clone(), entry.name.clone());
        let loading = spawn_blocking(move || {
            let mut tell = |progress| {
                inner.progress.send_replace(Some((name.clone(), progress)));
            };
            inner.models.load(&name, memory, &mut tell, inner.shutdown.child_token())
        });
        let loaded = loading.await;
        self.progress.send_replace(None);
        let model = loaded.map_err(|error| {
            tracing::error!(%error, "loading a model panicked");
            Problem::new(ErrorCode::WorkerFailed, "the model could not be loaded")
        })??;
        let loaded_model = LoadedModel { model, used: Instant::now(), handles: TaskTracker::new() };
        let handle = ModelHandle { model: loaded_model.model.clone(), _held: loaded_model.handles.token() };
        self.loaded().insert(entry.name, loaded_model);
        self.changed.notify_one();
        Ok(handle)
    }

    fn room(&self) -> u64 {
        let taken: u64 = self.loaded().values().map(|loaded_model| loaded_model.model.engine().bytes()).sum();
        self.models.free().min(self.memory.saturating_sub(taken))
    }

    /// Unloads idle models, least recently used first, until a model fits. Returns how much memory
    /// it may take.
    async fn make_room(&self, entry: &ModelEntry) -> Result<u64, Problem> {
        let needs = entry.bytes.saturating_add(MIN_FREE_BESIDE_WEIGHTS);
        loop {
            let room = self.room();
            if needs <= room {
                return Ok(room);
            }
            let Some((name, loaded_model)) = self.take_idle() else {
                return Err(self.no_room(&entry.name, needs, room));
            };
            loaded_model.stop().await;
            tracing::info!(model = %name, for_model = %entry.name, "the model was unloaded to make room");
        }
    }

    fn take(&self, name: &ModelName) -> Option<LoadedModel> {
        let loaded_model = self.loaded().remove(name)?;
        self.changed.notify_one();
        Some(loaded_model)
    }

    fn take_idle(&self) -> Option<(ModelName, LoadedModel)> {
        let mut loaded = self.loaded();
        let idle = loaded.iter().filter(|(_, loaded_model)| loaded_model.handles.is_empty());
        let name = idle.min_by_key(|(_, loaded_model)| loaded_model.used)?.0.clone();
        self.changed.notify_one();
        loaded.remove_entry(&name)
    }

    fn no_room(&self, name: &ModelName, needs: u64, room: u64) -> Problem {
        const MIB: u64 = 1 << 20;
        let numbers = format!("it needs {} MiB, but only {} MiB are free", needs.div_ceil(MIB), room / MIB);
        if self.loaded().is_empty() {
            return Problem::new(
                ErrorCode::WorkerFailed,
                format!("not enough memory for `{name}`: {numbers}"),
            );
        }
        Problem::new(
            ErrorCode::Overloaded,
            format!("every loaded model is in use, and `{name}` does not fit: {numbers}"),
        )
        .retry_after(IN_USE_RETRY_AFTER)
    }
}

impl LoadedModel {
    async fn stop(self) {
        self.handles.close();
        self.handles.wait().await;
        self.model.engine().stop().await;
    }
}

impl fmt::Debug for ModelRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelRegistry")
            .field("loaded", &self.inner.loaded().keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
