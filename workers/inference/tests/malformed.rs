//! Malformed model folders cause an error that names the file, never a panic.

#![allow(clippy::unwrap_used)]

mod model;

use std::fs;
use std::path::Path;

use cortex_inference::Device;
use cortex_inference::embed::{Embedder, LoadError};
use tempfile::TempDir;

const FILES: [&str; 6] = [
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "tokenizer.json",
    "model.safetensors",
];

/// Returns a copy of the model with one file changed. The other files are links.
fn copy(but: &str, mut change: impl FnMut(Vec<u8>) -> Vec<u8>) -> TempDir {
    let (from, to) = (model::dir(), tempfile::tempdir().unwrap());
    fs::create_dir(to.path().join("1_Pooling")).unwrap();
    for file in FILES {
        if file == but {
            fs::write(to.path().join(file), change(fs::read(from.join(file)).unwrap())).unwrap();
        } else {
            std::os::unix::fs::symlink(from.join(file), to.path().join(file)).unwrap();
        }
    }
    to
}

fn load(dir: &Path) -> Result<Embedder, LoadError> {
    Embedder::load(dir, Device::Cpu, 1.try_into().unwrap())
}

fn refused(file: &str, change: impl FnMut(Vec<u8>) -> Vec<u8>) -> String {
    let dir = copy(file, change);
    let error = load(dir.path()).unwrap_err().to_string();
    assert!(error.contains(file), "{error} does not name {file}");
    error
}

fn replaced(file: &str, from: &str, to: &str) -> String {
    refused(file, |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        text.replacen(from, to, 1).into_bytes()
    })
}

#[test]
fn a_missing_file_is_named() {
    for file in ["config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"] {
        let dir = copy("", |bytes| bytes);
        fs::remove_file(dir.path().join(file)).unwrap();
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(error.contains(file), "{error}");
    }
}

#[test]
fn a_setting_that_is_not_supported_is_named() {
    assert!(replaced("config.json", "\"gelu\"", "\"relu\"").contains("`hidden_act` is relu"));
    assert!(replaced("config.json", "\"bert\"", "\"t5\"").contains("`model_type` is t5"));
    assert!(replaced("config.json", "\"absolute\"", "\"relative_key\"").contains("position_embedding_type"));
    assert!(
        replaced("config.json", "\"num_attention_heads\": 12", "\"num_attention_heads\": 7")
            .contains("must divide")
    );
    assert!(
        replaced("config.json", "\"num_attention_heads\": 12", "\"num_attention_heads\": 0")
            .contains("must divide")
    );
    assert!(replaced("config.json", "\"hidden_size\": 384", "\"hidden_size\": 0").contains("multiple of 16"));
    assert!(replaced("modules.json", "models.Normalize", "models.Dense").contains("models.Dense"));
    let max = "\"pooling_mode_max_tokens\": false";
    assert!(replaced("1_Pooling/config.json", max, &max.replace("false", "true")).contains("pooling"));
}

#[test]
fn weights_that_do_not_fit_the_config_are_named() {
    let dir = copy("config.json", |bytes| {
        String::from_utf8(bytes).unwrap().replace("\"hidden_size\": 384", "\"hidden_size\": 192").into_bytes()
    });
    let error = load(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("model.safetensors") && error.contains("[2, 384]") && error.contains("[2, 192]"),
        "{error}"
    );
    let layers = ("\"num_hidden_layers\": 6", "\"num_hidden_layers\": 7");
    let dir = copy("config.json", |bytes| {
        String::from_utf8(bytes).unwrap().replace(layers.0, layers.1).into_bytes()
    });
    let error = load(dir.path()).unwrap_err().to_string();
    assert!(error.contains("missing tensor `encoder.layer.6."), "{error}");
}

#[test]
fn a_vocabulary_that_is_not_the_models_is_refused() {
    let error = replaced("tokenizer.json", "\"ids\":[101]", "\"ids\":[999999]");
    assert!(error.contains("token 999999") && error.contains("30522"), "{error}");
}

#[test]
fn a_length_too_short_for_any_text_is_refused() {
    for length in ["0", "1"] {
        replaced("sentence_bert_config.json", "256", length);
    }
}

#[test]
fn a_damaged_json_file_does_not_panic() {
    for file in &FILES[..5] {
        for cut in [0, 1, 17, 100] {
            let dir = copy(file, |bytes| bytes[..cut.min(bytes.len() - 1)].to_vec());
            assert!(load(dir.path()).is_err(), "{file} cut at {cut}");
        }
        for seed in 1..6u32 {
            let dir = copy(file, |mut bytes| {
                scramble(&mut bytes, seed);
                bytes
            });
            let _ = load(dir.path());
        }
    }
}

#[test]
fn a_damaged_weights_file_does_not_panic() {
    for cut in [0, 7, 8, 100, 5_000, 20_000, 1_000_000] {
        let error = refused("model.safetensors", |bytes| bytes[..cut].to_vec());
        assert!(error.contains("safetensors"), "{error}");
    }
    // The header says where every tensor lies, so damage to it must be detected.
    for seed in 1..40u32 {
        let dir = copy("model.safetensors", |mut bytes| {
            scramble(&mut bytes[..11_000], seed);
            bytes
        });
        let _ = load(dir.path());
    }
}

/// Changes a few bytes, the same ones for the same seed.
fn scramble(bytes: &mut [u8], seed: u32) {
    let mut state = seed.wrapping_mul(2_654_435_761);
    for _ in 0..4 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let at = state as usize % bytes.len();
        bytes[at] = (state >> 16) as u8;
    }
}
