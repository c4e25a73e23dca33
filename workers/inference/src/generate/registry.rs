//! Several models in one process: loaded when they are asked for, and the one that was used least lately makes room.

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

/// Where models come from.
pub trait Library: Send + Sync + 'static {
    /// The models there are.
    fn list(&self) -> Vec<ModelEntry>;

    /// Bytes that are free where they are loaded.
    fn free(&self) -> u64;

    /// Loads a model of the list; blocks. `memory` is what weights and cache may take.
    ///
    /// # Errors
    /// With why it can't be loaded.
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
    /// What its weights take.
    pub bytes: u64,
    /// Whether its files are here.
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
    /// One model is loaded or unloaded at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Told after each load and unload.
    changed: Notify,
    progress: watch::Sender<Option<(ModelName, LoadStep)>>,
    /// Ends loads that nobody waits for any more.
    shutdown: CancellationToken,
    pool: BlockingPool,
}

#[derive(Debug)]
struct LoadedModel {
    model: Model,
    used: Instant,
    handles: TaskTracker,
}

/// A loaded model that stays while this is held.
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

/// Weights are not all that a model takes: the least that must be free beside them.
const MIN_FREE_BESIDE_WEIGHTS: u64 = 64 << 20;
/// When to ask again if every model is in use.
const IN_USE_RETRY_AFTER: Duration = Duration::from_secs(5);

impl ModelRegistry {
    /// An empty shelf. `memory` bounds what all models together take, in bytes; by default it is what is free now.
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

    /// Where tenants' requests are read.
    pub fn pool(&self) -> &BlockingPool {
        &self.inner.pool
    }

    /// The models there are.
    pub fn list(&self) -> Vec<ModelEntry> {
        self.inner.models.list()
    }

    /// The models that are loaded, by name.
    pub fn loaded(&self) -> Vec<Model> {
        let mut models: Vec<_> =
            self.inner.loaded().values().map(|loaded_model| loaded_model.model.clone()).collect();
        models.sort_by(|a, b| a.name().as_str().cmp(b.name().as_str()));
        models
    }

    /// Returns once a model was loaded or unloaded since it last did.
    pub async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    /// Bytes that more models may still take, of the device's memory and the shelf's share of it.
    pub fn free(&self) -> u64 {
        self.inner.room()
    }

    /// How far the load is that is under way.
    pub fn progress(&self) -> watch::Receiver<Option<(ModelName, LoadStep)>> {
        self.inner.progress.subscribe()
    }

    /// A model to be used, loaded if it isn't. A load goes on if the caller leaves.
    ///
    /// # Errors
    /// If there is no such model, it can't be loaded, or no model that is loaded can make room for it.
    pub async fn get(&self, name: &ModelName) -> Result<ModelHandle, Problem> {
        if let Some(handle) = self.inner.handle(name) {
            return Ok(handle);
        }
        let entry = self.list().into_iter().find(|entry| entry.name == *name);
        let entry = entry.ok_or_else(|| self.unknown(name))?;
        let inner = self.inner.clone();
        let loading = tokio::spawn(async move { inner.load(entry).await });
        loading.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a load broke");
            Err(Problem::new(ErrorCode::WorkerFailed, "the model could not be loaded"))
        })
    }

    /// Unloads a model once the answers that use it are whole. `false` if it isn't loaded.
    pub async fn unload(&self, name: &ModelName) -> bool {
        let _turn = self.inner.turn.lock().await;
        let Some(loaded_model) = self.inner.take(name) else { return false };
        loaded_model.stop().await;
        tracing::info!(model = %name, "the model is unloaded");
        true
    }

    /// Why a model can't be asked that is not there.
    fn unknown(&self, name: &ModelName) -> Problem {
        let names: Vec<_> = self
            .list()
            .into_iter()
            .filter(|entry| entry.installed)
            .map(|entry| entry.name.to_string())
            .collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let detail = format!(
            "there is no chat model `{name}` here; there is {known}: `cortex models pull NAME` fetches more"
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
        // Somebody else may have loaded it while this one waited.
        if let Some(handle) = self.handle(&entry.name) {
            return Ok(handle);
        }
        // One that is there all the same is dead.
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
            tracing::error!(%error, "a load broke");
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

    /// Unloads what is not in use, least lately used first, until a model fits; gives what it may take.
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
        let numbers = format!("`{name}` needs {} MiB and {} MiB are free", needs.div_ceil(MIB), room / MIB);
        if self.loaded().is_empty() {
            return Problem::new(ErrorCode::WorkerFailed, format!("there is too little memory: {numbers}"));
        }
        Problem::new(ErrorCode::Overloaded, format!("every loaded model is in use: {numbers}"))
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
