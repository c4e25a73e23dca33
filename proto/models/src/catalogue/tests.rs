use std::ops::ControlFlow;

use super::*;
use crate::VerifyError;

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn one(change: impl FnOnce(String) -> String) -> Result<ModelCatalogue, ConfigError> {
    let text = format!(
        "models:\n  tiny:\n    kind: embedding\n    family: bert\n    dimensions: 4\n    max_tokens: 8\n    \
         files:\n      a.bin: {{size: 3, sha256: {ABC}}}\n    sources:\n      - folder: /tmp/tiny\n"
    );
    ModelCatalogue::parse(&change(text), "models.yaml")
}

fn refusal(from: &str, to: &str) -> String {
    let text = one(|text| {
        assert!(text.contains(from));
        text.replace(from, to)
    });
    text.unwrap_err().to_string()
}

#[test]
fn the_shipped_catalogue_has_the_embedding_model() {
    let catalogue = ModelCatalogue::shipped();
    let model = catalogue.get("all-MiniLM-L6-v2").unwrap();
    assert!(matches!(
        model.kind,
        ModelKind::Embedding { family: Family::Bert, dimensions: 384, max_tokens: 256 }
    ));
    assert_eq!(model.sources.len(), 2);
    assert_eq!(model.size(), 91_335_827);
}

#[test]
fn the_shipped_catalogue_has_a_chat_model_that_comes_from_a_public_package() {
    let catalogue = ModelCatalogue::shipped();
    let model = catalogue.get("SmolLM2-135M-Instruct-Q4_1").unwrap();
    assert_eq!(model.kind, ModelKind::Chat { family: Family::Llama, context: 8192 });
    assert_eq!(model.size(), 98_362_432);
    let sources: Vec<_> = model.sources.iter().map(ToString::to_string).collect();
    assert!(matches!(&model.sources[..], [Source::Wheel { .. }]), "{sources:?}");
}

#[test]
fn a_chat_model_has_a_context_and_nothing_of_an_embedding_models() {
    let chat = "kind: chat\n    family: qwen2\n    context: 4096";
    let embedding = "kind: embedding\n    family: bert\n    dimensions: 4\n    max_tokens: 8";
    let catalogue = one(|text| text.replace(embedding, chat)).unwrap();
    assert_eq!(catalogue.get("tiny").unwrap().kind, ModelKind::Chat { family: Family::Qwen2, context: 4096 });
    for (from, to, expected) in [
        (embedding, "kind: chat\n    family: bert\n    context: 4096", "must be llama"),
        (embedding, "kind: chat\n    family: qwen2\n    context: 0", "at least 2"),
        (embedding, "kind: chat\n    family: qwen2\n    max_tokens: 8", "requires `context`"),
        ("family: bert", "family: llama", "must be bert"),
        ("max_tokens: 8", "max_tokens: 8\n    context: 8", "must not have `context`"),
    ] {
        assert!(refusal(from, to).contains(expected), "{to}: {}", refusal(from, to));
    }
}

#[test]
fn an_unknown_model_is_answered_with_those_there_are() {
    let error = ModelCatalogue::shipped().get("gpt-7").unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("unknown model \"gpt-7\": models.yaml has "), "{text}");
    assert!(text.contains("all-MiniLM-L6-v2, cortex-small"), "{text}");
}

#[test]
fn a_mistake_is_named_with_its_line() {
    assert_eq!(
        refusal("max_tokens: 8", "max_token: 8"),
        "models.yaml:6: unknown key `max_token`, expected one of `kind`, `family`, `dimensions`, `max_tokens`, \
         `context`, `files`, `sources`"
    );
    assert!(refusal("family: bert", "family: elmo").starts_with("models.yaml:4: "));
    assert!(refusal(ABC, "abc").contains("must be 64 hexadecimal digits"));
    assert!(refusal("dimensions: 4", "dimensions: 0").contains("at least 1"));
    assert!(refusal("  tiny:", "  ../tiny:").contains("model `../tiny`"));
    assert!(refusal("a.bin", "../../a.bin").contains("a relative path of plain names"));
    let flag = "wheel: {package: --index-url=x, version: '1', prefix: ''}";
    assert!(refusal("folder: /tmp/tiny", flag).contains("invalid package name"));
    let query = "hub: {repo: 'a/b?c', revision: main}";
    assert!(refusal("folder: /tmp/tiny", query).contains("must be owner/name"));
}

#[test]
fn a_changed_file_is_found_with_both_hashes() {
    let catalogue = one(|text| text).unwrap();
    let model = catalogue.get("tiny").unwrap();
    let home = tempfile::tempdir().unwrap();
    let dir = model.dir(home.path());
    std::fs::create_dir_all(&dir).unwrap();
    assert!(!model.installed(home.path()));
    assert!(matches!(model.verify(&dir), Err(VerifyError::Missing { .. })));

    std::fs::write(dir.join("a.bin"), "ab").unwrap();
    assert!(matches!(model.verify(&dir), Err(VerifyError::WrongSize { expected: 3, found: 2, .. })));

    std::fs::write(dir.join("a.bin"), "abd").unwrap();
    assert!(model.installed(home.path()));
    let error = model.verify(&dir).unwrap_err().to_string();
    assert!(
        error.contains("a.bin is corrupt") && error.contains(ABC) && error.contains("a52d159f"),
        "{error}"
    );

    std::fs::write(dir.join("a.bin"), "abc").unwrap();
    model.verify(&dir).unwrap();
}

#[test]
fn a_check_reports_its_progress_and_can_be_stopped() {
    let catalogue = one(|text| text).unwrap();
    let model = catalogue.get("tiny").unwrap();
    let home = tempfile::tempdir().unwrap();
    let dir = model.dir(home.path());
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("a.bin"), "abc").unwrap();
    let mut progress = Vec::new();
    let checked = model.verify_while(&dir, &mut |read| {
        progress.push(read);
        ControlFlow::Continue(())
    });
    assert!(checked.is_ok());
    assert_eq!(progress, [0, 3]);
    let stopped = model.verify_while(&dir, &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(VerifyError::Stopped { .. })));
}
