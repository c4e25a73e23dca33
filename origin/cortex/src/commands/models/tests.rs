use cortex_models::{Progress, PullError};
use serde_json::json;

use super::*;

const SOUND: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// A home and a folder with the one file of a model.
struct Fixture {
    folder: tempfile::TempDir,
    home: Home,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().join("home"))).unwrap();
        std::fs::create_dir(folder.path().join("source")).unwrap();
        std::fs::write(folder.path().join("source/hello.txt"), "hello").unwrap();
        Self { folder, home }
    }

    fn model(&self) -> Model {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let text = format!(
            "models:\n  greeting:\n    kind: embedding\n    family: bert\n    dimensions: 1\n    max_tokens: 1\n    \
             files:\n      hello.txt:\n        size: 5\n        sha256: {SOUND}\n    \
             sources:\n      - folder: {}\n      - folder: {}\n",
            at("missing"),
            at("source")
        );
        ModelCatalogue::parse(&text, "models.yaml").unwrap().get("greeting").unwrap().clone()
    }
}

#[tokio::test]
async fn after_a_source_that_fails_the_next_one_is_tried() {
    let fixture = Fixture::new();
    let model = fixture.model();
    pull_if_missing(&fixture.home, &model).await.unwrap();
    assert!(model.installed(fixture.home.path()));
    assert_eq!(pull::pull(&fixture.home, &model, true).await.unwrap(), Exit::Done);
}

#[tokio::test]
async fn a_model_without_a_source_is_unavailable_and_each_failure_is_named() {
    let fixture = Fixture::new();
    let model = Model { sources: vec![fixture.model().sources[0].clone()], ..fixture.model() };
    let failure = pull_if_missing(&fixture.home, &model).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unavailable);
    assert!(failure.error.to_string().contains("/missing: "), "{}", failure.error);
}

#[tokio::test]
async fn a_corrupt_file_is_named_with_both_hashes() {
    let fixture = Fixture::new();
    let model = fixture.model();
    pull_if_missing(&fixture.home, &model).await.unwrap();
    std::fs::write(model.dir(fixture.home.path()).join("hello.txt"), "jello").unwrap();

    assert_eq!(verify::verify(&fixture.home, vec![model.clone()], true).await.unwrap(), Exit::Config);
    let error = verify::check(&model, fixture.home.path()).error.unwrap();
    assert!(error.contains("hello.txt is corrupt") && error.contains(SOUND), "{error}");
    assert_eq!(error.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 64).count(), 2);
}

#[test]
fn the_list_keeps_its_shape() {
    let fixture = Fixture::new();
    let model = fixture.model();
    let document = list::ModelListView { models: vec![list::entry(&fixture.home, &model, &[])] };
    assert_eq!(
        list::text(&document),
        "NAME      KIND       SIZE     INSTALLED  LOADED IN\ngreeting  embedding  5 bytes  no"
    );
    assert_eq!(
        serde_json::to_value(document).unwrap(),
        json!({"models": [{"name": "greeting", "kind": "embedding", "size": 5, "installed": false, "loaded": [],
            "dir": model.dir(fixture.home.path()),
            "files": [{"path": "hello.txt", "size": 5, "sha256": SOUND}]}]})
    );
}

#[test]
fn the_verified_models_keep_their_shape() {
    let fixture = Fixture::new();
    let verdict = verify::check(&fixture.model(), fixture.home.path());
    let document = verify::VerifyView { models: vec![verdict] };
    assert_eq!(verify::exit(&document), Exit::Config);
    let value = serde_json::to_value(document).unwrap();
    assert_eq!((&value["models"][0]["name"], &value["models"][0]["ok"]), (&json!("greeting"), &json!(false)));
    assert!(value["models"][0]["error"].as_str().unwrap().contains("is missing"));
}

#[test]
fn progress_counts_in_tenths() {
    for (done, total, expected) in [(0, 100, 0), (9, 100, 0), (10, 100, 1), (100, 100, 10), (0, 0, 10)] {
        assert_eq!(pull_progress::tenths(Progress { done, total }), expected);
    }
}

#[test]
fn a_pull_that_may_work_later_is_unavailable() {
    let busy = PullError::Busy { model: "m".into() };
    assert_eq!(pull::failure(busy).exit, Exit::Unavailable);
}

#[test]
fn an_unknown_model_is_bad_input_and_the_error_lists_the_known_ones() {
    let catalogue = ModelCatalogue::shipped();
    let failure = find(&catalogue, "nothing").unwrap_err();
    assert_eq!(failure.exit, Exit::BadInput);
    assert!(failure.error.to_string().contains("all-MiniLM-L6-v2"));
}
