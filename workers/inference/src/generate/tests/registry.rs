//! Several models in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cortex_api::{LoadStep, Problem};
use cortex_domain::ErrorCode;
use cortex_domain::id::ModelName;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{TEMPLATE, caller, request};
use crate::generate::{ChatFormat, Defaults, Library, Model, ModelEntry, ModelRegistry};
use crate::language::tests::{scripted, tiny};

/// Models `a` to `d` of 100 MiB each, with a count of loads.
struct FakeLibrary(Arc<AtomicUsize>);

const MODEL_BYTES: u64 = 100 << 20;

impl Library for FakeLibrary {
    fn list(&self) -> Vec<ModelEntry> {
        let entry = |name: &str| ModelEntry {
            name: name.parse().unwrap(),
            bytes: MODEL_BYTES,
            installed: name != "c",
        };
        ["a", "b", "c", "d"].map(entry).into()
    }

    fn free(&self) -> u64 {
        u64::MAX
    }

    fn load(
        &self,
        name: &ModelName,
        _: u64,
        progress: &mut dyn FnMut(LoadStep),
        _: CancellationToken,
    ) -> Result<Model, Problem> {
        if name.as_str() == "c" {
            return Err(Problem::new(ErrorCode::WorkerFailed, "its files are damaged"));
        }
        progress(LoadStep::Start);
        self.0.fetch_add(1, Ordering::SeqCst);
        let chat_format = ChatFormat::new(TEMPLATE, &tiny::tokenizer()).unwrap();
        Ok(Model::new(name.clone(), scripted(name.as_str()), Some(chat_format), Defaults::default()))
    }
}

fn registry(memory: u64) -> (ModelRegistry, Arc<AtomicUsize>) {
    let loads = Arc::new(AtomicUsize::new(0));
    let registry = ModelRegistry::new(FakeLibrary(loads.clone()), Some(memory), CancellationToken::new());
    (registry, loads)
}

fn name(name: &str) -> ModelName {
    name.parse().unwrap()
}

fn loaded(registry: &ModelRegistry) -> Vec<String> {
    registry.loaded().iter().map(|model| model.name().to_string()).collect()
}

#[tokio::test]
async fn a_model_is_loaded_once_for_concurrent_requests() {
    let (registry, loads) = registry(u64::MAX);
    let all = (0..8).map(|_| {
        let registry = registry.clone();
        tokio::spawn(async move { registry.get(&name("a")).await.map(drop) })
    });
    for asked in all.collect::<Vec<_>>() {
        asked.await.unwrap().unwrap();
    }
    assert_eq!((loads.load(Ordering::SeqCst), loaded(&registry)), (1, vec!["a".to_owned()]));
}

#[tokio::test]
async fn the_least_recently_used_model_makes_room() {
    // There is room for one model besides what two others take, and no more.
    let (registry, _) = registry(MODEL_BYTES + (66 << 20));
    for asked in ["a", "b", "a"] {
        drop(registry.get(&name(asked)).await.unwrap());
    }
    assert_eq!(loaded(&registry), ["a", "b"]);
    let (tight, _) = self::registry(MODEL_BYTES + (65 << 20));
    for asked in ["a", "b", "a", "d"] {
        drop(tight.get(&name(asked)).await.unwrap());
    }
    assert_eq!(loaded(&tight), ["a", "d"]);
}

#[tokio::test]
async fn what_models_take_is_no_longer_free() {
    let (registry, _) = registry(MODEL_BYTES * 2);
    assert_eq!(registry.free(), MODEL_BYTES * 2);
    let takes = registry.get(&name("a")).await.unwrap().engine().bytes();
    assert_eq!((takes > 0, registry.free()), (true, MODEL_BYTES * 2 - takes));
    assert!(registry.unload(&name("a")).await);
    assert_eq!(registry.free(), MODEL_BYTES * 2);
}

#[tokio::test]
async fn an_unload_is_announced_even_if_the_next_load_fails() {
    let (registry, _) = registry(MODEL_BYTES + (64 << 20));
    drop(registry.get(&name("a")).await.unwrap());
    registry.changed().await;
    registry.get(&name("c")).await.unwrap_err();
    assert!(loaded(&registry).is_empty());
    tokio::time::timeout(Duration::from_secs(30), registry.changed())
        .await
        .expect("the registry announces the change");
}

#[tokio::test]
async fn a_model_in_use_is_not_unloaded_for_another() {
    let (registry, _) = registry(MODEL_BYTES + (64 << 20));
    let handle = registry.get(&name("a")).await.unwrap();
    let problem = registry.get(&name("b")).await.unwrap_err();
    assert_eq!(problem.kind, ErrorCode::Overloaded);
    assert!(problem.detail.contains("164 MiB"), "{problem}");
    let answer = handle.chat(request(json!({"model": "a"})), caller()).await.unwrap();
    answer.document().await.unwrap();
    drop(handle);
    registry.get(&name("b")).await.unwrap();
}

#[tokio::test]
async fn unloading_waits_for_answers_under_way() {
    let (registry, loads) = registry(u64::MAX);
    let handle = registry.get(&name("a")).await.unwrap();
    let unloading = tokio::spawn({
        let registry = registry.clone();
        async move { registry.unload(&name("a")).await }
    });
    while !loaded(&registry).is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(handle.engine().is_alive() && !unloading.is_finished());
    drop(handle);
    assert!(unloading.await.unwrap());
    assert!(!registry.unload(&name("a")).await);
    drop(registry.get(&name("a")).await.unwrap());
    assert_eq!(loads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_model_that_is_not_there_or_can_not_be_loaded_is_named() {
    let (registry, _) = registry(u64::MAX);
    let unknown = registry.get(&name("nope")).await.unwrap_err();
    assert_eq!((unknown.kind, &unknown.extensions["param"]), (ErrorCode::UnknownModel, &json!("model")));
    assert!(unknown.detail.contains("a, b, d") && unknown.detail.contains("cortex models pull"), "{unknown}");
    let damaged = registry.get(&name("c")).await.unwrap_err();
    assert_eq!(damaged.detail, "its files are damaged");
    let (small, _) = self::registry(MODEL_BYTES);
    let problem = small.get(&name("a")).await.unwrap_err();
    assert!(
        problem.kind == ErrorCode::WorkerFailed && problem.detail.contains("not enough memory"),
        "{problem}"
    );
}
