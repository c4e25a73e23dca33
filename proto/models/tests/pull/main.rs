//! Pulls from real sources: a hub on loopback, and a wheel that the test builds.

#![allow(clippy::unwrap_used)]

mod hub;
mod wheel;

use std::path::Path;
use std::sync::Mutex;

use cortex_models::{Digest, Model, ModelCatalogue, Progress, PullError, Puller};

/// Returns the content of the model's large file.
fn content() -> Vec<u8> {
    (0..300_000u32).flat_map(u32::to_le_bytes).collect()
}

/// Returns a model of one large file and one small one.
fn model(sources: &str) -> Model {
    let (large, small) = (content(), b"{}".to_vec());
    let text = format!(
        "models:\n  tiny:\n    kind: embedding\n    family: bert\n    dimensions: 4\n    max_tokens: 8\n    files:\n      \
         model.bin: {{size: {}, sha256: {}}}\n      sub/config.json: {{size: {}, sha256: {}}}\n    sources: [{sources}]\n",
        large.len(),
        Digest::of(&large[..]).unwrap(),
        small.len(),
        Digest::of(&small[..]).unwrap(),
    );
    ModelCatalogue::parse(&text, "models.yaml").unwrap().get("tiny").unwrap().clone()
}

const HUB: &str = "{hub: {repo: owner/tiny, revision: abc}}";

fn puller(hub: &str) -> Puller {
    Puller {
        hub: hub.into(),
        pip: vec!["/nonexistent/pip".into()],
        silence: std::time::Duration::from_millis(300),
    }
}

/// Pulls a model, and returns the reported progress beside the result.
async fn pull(puller: &Puller, model: &Model, home: &Path) -> (Result<(), PullError>, Vec<Progress>) {
    let reported = Mutex::new(Vec::new());
    let result = puller.pull(model, home, |progress| reported.lock().unwrap().push(progress)).await;
    let reported = reported.into_inner().unwrap();
    assert!(reported.iter().all(|progress| progress.done <= progress.total), "{reported:?}");
    if let Ok(dir) = &result {
        model.verify(dir).unwrap();
        assert_eq!(reported.last().map(|progress| progress.done), Some(model.size()));
    }
    (result.map(|_| ()), reported)
}

#[tokio::test]
async fn a_folder_is_copied_and_the_next_pull_has_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("model.bin"), content()).unwrap();
    std::fs::write(folder.path().join("sub/config.json"), "{}").unwrap();
    let model = model(&format!("{{folder: {}}}", folder.path().display()));
    let home = tempfile::tempdir().unwrap();
    pull(&puller(""), &model, home.path()).await.0.unwrap();
    drop(folder);
    pull(&puller(""), &model, home.path()).await.0.unwrap();
    assert!(model.installed(home.path()));
}

#[tokio::test]
async fn a_corrupt_file_is_fetched_again() {
    let hub = hub::start(hub::Habit::Honest).await;
    let home = tempfile::tempdir().unwrap();
    let model = model(HUB);
    pull(&puller(&hub.url), &model, home.path()).await.0.unwrap();
    std::fs::write(model.dir(home.path()).join("sub/config.json"), "[]").unwrap();
    pull(&puller(&hub.url), &model, home.path()).await.0.unwrap();
    assert_eq!(hub.asked("model.bin").len(), 1);
    assert_eq!(hub.asked("sub/config.json").len(), 2);
}

#[tokio::test]
async fn when_no_source_answers_each_is_named_with_its_reason() {
    let model = model(
        "{folder: /nonexistent/tiny}, {hub: {repo: owner/tiny, revision: abc}}, \
         {wheel: {package: tiny, version: 1.0, prefix: tiny/}}",
    );
    let home = tempfile::tempdir().unwrap();
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let error = pull(&puller(&url), &model, home.path()).await.0.unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[0], "no source provides tiny:");
    assert!(
        lines[1].starts_with("  folder /nonexistent/tiny: ") && lines[1].contains("model.bin"),
        "{error}"
    );
    assert!(lines[2].starts_with("  hub owner/tiny@abc: unreachable: "), "{error}");
    assert!(lines[3].starts_with("  wheel tiny 1.0: can't run pip as `/nonexistent/pip`"), "{error}");
    assert!(lines[4].starts_with("put the files into ") && lines[4].contains("models.yaml"), "{error}");
}

#[tokio::test]
async fn two_pulls_of_one_model_exclude_each_other() {
    let hub = hub::start(hub::Habit::Silent).await;
    let home = tempfile::tempdir().unwrap();
    let model = model(HUB);
    let puller = puller(&hub.url);
    let (first, second) =
        tokio::join!(pull(&puller, &model, home.path()), pull(&puller, &model, home.path()));
    assert!(matches!(first.0, Err(PullError::NoSource { .. })));
    assert!(matches!(second.0, Err(PullError::Busy { .. })));
}
