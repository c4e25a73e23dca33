//! Unsupported or inconsistent models are rejected by name, before anything is allocated for them.

#![allow(clippy::unwrap_used)]

mod fixture;

use std::fs;
use std::ops::ControlFlow;

use cortex_transformer::{
    BLOCK, Cache, ForwardError, LoadError, LogitsFor, Model, Options, Segment, SegmentError, Shape, Store,
};
use fixture::{Fixture, folder};
use serde_json::{Value, json};
use tempfile::TempDir;

fn config(name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder().join(name).join("config.json")).unwrap()).unwrap()
}

/// Returns the error of a config with other values under some keys.
fn rejected(name: &str, changes: Value) -> String {
    let mut config = config(name);
    for (key, value) in changes.as_object().unwrap() {
        config[key] = value.clone();
    }
    Shape::from_config(config.to_string().as_bytes()).unwrap_err().to_string()
}

fn without(name: &str, key: &str) -> Value {
    let mut config = config(name);
    config.as_object_mut().unwrap().remove(key);
    config
}

#[test]
fn a_setting_that_is_not_supported_is_named() {
    for (name, changes, says) in [
        ("llama2", json!({"model_type": "gpt2"}), "`model_type` is gpt2"),
        ("llama2", json!({"hidden_act": "gelu"}), "`hidden_act` is gelu"),
        (
            "llama2",
            json!({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}),
            "`rope_type` is dynamic",
        ),
        ("llama2", json!({"rope_scaling": {"type": "longrope"}}), "`rope_type` is longrope"),
        ("llama2", json!({"rope_parameters": {"full_attention": {}}}), "`rope_parameters`"),
        ("llama2", json!({"partial_rotary_factor": 0.5}), "`partial_rotary_factor` is 0.5"),
        ("llama2", json!({"quantization_config": {"quant_method": "gptq"}}), "`quantization_config`"),
        ("llama2", json!({"num_key_value_heads": 3}), "key-value heads"),
        ("llama2", json!({"num_attention_heads": 3, "head_dim": null}), "`num_attention_heads`"),
        ("llama2", json!({"head_dim": 5}), "the size of a head"),
        ("llama2", json!({"rope_parameters": {"rope_theta": 0.5}}), "`rope_theta`"),
        ("llama2", json!({"rms_norm_eps": -1.0}), "epsilon"),
        ("llama3", json!({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}), "low_freq_factor"),
        ("qwen3", json!({"layer_types": ["full_attention"]}), "`layer_types`"),
        ("qwen3", json!({"layer_types": ["full_attention", "chunked_attention", "x"]}), "chunked_attention"),
        ("qwen3", json!({"use_sliding_window": false}), "use_sliding_window"),
    ] {
        let error = rejected(name, changes);
        assert!(error.contains(says), "{error} says nothing of {says}");
    }
}

#[test]
fn an_absurd_number_is_named() {
    for (key, value) in [
        ("num_hidden_layers", json!(0)),
        ("num_hidden_layers", json!(1_000_000_000_000_u64)),
        ("num_hidden_layers", json!(-3)),
        ("num_hidden_layers", json!(2.5)),
        ("num_hidden_layers", json!("three")),
        ("num_attention_heads", json!(0)),
        ("num_key_value_heads", json!(0)),
        ("hidden_size", json!(u64::MAX)),
        ("intermediate_size", json!(0)),
        ("vocab_size", json!(1_u64 << 40)),
        ("head_dim", json!(0)),
        ("max_position_embeddings", json!(0)),
        ("sliding_window", json!(0)),
    ] {
        let error = rejected("mistral", json!({key: value}));
        assert!(error.contains(key), "{error} does not name {key}");
    }
    assert!(Shape::from_config(b"{\"num_hidden_layers\": NaN}").is_err());
    let error = Shape::from_config(without("llama2", "hidden_size").to_string().as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "missing `hidden_size`");
}

#[test]
fn old_and_new_ways_to_write_rope_mean_the_same() {
    let read = |config: Value| Shape::from_config(config.to_string().as_bytes()).unwrap();
    let mut new = config("llama3");
    let mut rope = new["rope_parameters"].take();
    let theta = rope.as_object_mut().unwrap().remove("rope_theta").unwrap();
    let mut old = without("llama3", "rope_parameters");
    (old["rope_theta"], old["rope_scaling"]) = (theta, rope);
    assert_eq!(read(old), read(config("llama3")));
}

/// The defaults of `transformers` for missing values.
#[test]
fn what_is_left_out_has_the_defaults_of_transformers() {
    let read = |config: Value| Shape::from_config(config.to_string().as_bytes()).unwrap();
    assert_eq!(read(without("llama2", "num_key_value_heads")).kv_heads, 4);
    assert_eq!(read(without("qwen3", "head_dim")).head_dim, 128);
    assert_eq!(read(without("llama2", "rms_norm_eps")).norm_eps, 1e-6);
    assert_eq!(read(without("mistral", "sliding_window")).windows, vec![Some(4096); 3]);
    assert_eq!(read(without("qwen2-sliding", "use_sliding_window").without_types()).windows, vec![None; 4]);
}

trait WithoutTypes {
    fn without_types(self) -> Self;
}

impl WithoutTypes for Value {
    fn without_types(mut self) -> Self {
        self.as_object_mut().unwrap().remove("layer_types");
        self
    }
}

/// Copies the sharded model.
fn copy() -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for file in fs::read_dir(folder().join("llama3")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    to
}

fn change(folder: &TempDir, file: &str, from: &str, to: &str) {
    let path = folder.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

fn open_error(folder: &TempDir) -> String {
    fixture::open(folder.path(), 1).unwrap_err().to_string()
}

#[test]
fn weights_that_do_not_fit_are_named_with_their_file_and_both_shapes() {
    let folder = copy();
    change(&folder, "config.json", "\"intermediate_size\": 96", "\"intermediate_size\": 128");
    let error = open_error(&folder);
    assert!(error.contains("safetensors") && error.contains("mlp.gate_proj.weight"), "{error}");
    assert!(error.contains("[96, 64]") && error.contains("[128, 64]"), "{error}");

    let folder = copy();
    change(&folder, "config.json", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4");
    assert!(
        open_error(&folder).contains("missing tensor `model.layers.3.input_layernorm.weight`"),
        "{}",
        open_error(&folder)
    );

    let folder = copy();
    change(&folder, "config.json", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2");
    assert!(
        open_error(&folder).contains("`model.layers.2.") && open_error(&folder).contains("unexpected tensor"),
        "{}",
        open_error(&folder)
    );
}

#[test]
fn shards_that_are_not_what_the_index_says_are_named() {
    let folder = copy();
    fs::remove_file(folder.path().join("model-00002-of-00003.safetensors")).unwrap();
    assert!(open_error(&folder).contains("model-00002-of-00003.safetensors"), "{}", open_error(&folder));

    for place in ["../model.safetensors", "/etc/passwd", "..", ""] {
        let folder = copy();
        change(&folder, "model.safetensors.index.json", "model-00003-of-00003.safetensors", place);
        assert!(open_error(&folder).contains("plain file name"), "{place}: {}", open_error(&folder));
    }

    let folder = copy();
    fs::copy(
        folder.path().join("model-00001-of-00003.safetensors"),
        folder.path().join("model-00002-of-00003.safetensors"),
    )
    .unwrap();
    assert!(open_error(&folder).contains("is in several files"), "{}", open_error(&folder));
}

#[test]
fn what_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(open_error(&folder).contains("config.json"));
    assert!(matches!(fixture::open(&folder.path().join("away"), 1), Err(LoadError::NoModel(_))));
    for (file, bytes) in [("empty.gguf", b"".as_slice()), ("model.bin", b"PK\x03\x04")] {
        let path = folder.path().join(file);
        fs::write(&path, bytes).unwrap();
        let error = fixture::open(&path, 1).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains("GGUF"), "{error}");
    }
}

#[test]
fn a_load_reports_its_progress_and_can_be_cancelled() {
    let fixture = Fixture::open("gguf-llama-k");
    let mut reports = vec![];
    let model = Model::open(&fixture.path, &Options::default(), &mut |progress| {
        reports.push(progress);
        ControlFlow::Continue(())
    });
    assert_eq!(reports[0].read, 0);
    assert!(reports.is_sorted_by_key(|progress| progress.read));
    let last = reports.last().unwrap();
    assert!(last.read == last.of && last.of >= model.unwrap().bytes());
    let stopped = Model::open(&fixture.path, &Options::default(), &mut |progress| {
        if progress.read > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(LoadError::Stopped)));
}

#[test]
fn an_invalid_segment_is_rejected_and_the_cache_is_unchanged() {
    let fixture = Fixture::open("llama2");
    let options = Options { threads: 1.try_into().unwrap(), context: Some(100.try_into().unwrap()) };
    let model = Model::open(&fixture.path, &options, &mut |_| ControlFlow::Continue(())).unwrap();
    let mut cache = Cache::new(model.shape(), 8, Store::F32).unwrap();
    let segment = |tokens, start, blocks| Segment { tokens, start, blocks, logits_for: LogitsFor::Last };
    let tokens: Vec<u32> = (0..101).collect();
    let good = segment(&tokens[..10], 0, &[7]);
    let mut rejected = |wrong: Segment<'_>| match model.forward(&mut cache, &[good, wrong]) {
        Err(ForwardError::Segment { segment, error }) => (segment, error),
        other => panic!("{other:?}"),
    };
    assert_eq!(rejected(segment(&[], 0, &[0])), (1, SegmentError::Empty));
    assert_eq!(rejected(segment(&[320], 0, &[0])), (1, SegmentError::Token { token: 320, vocabulary: 320 }));
    assert_eq!(
        rejected(segment(&tokens, 0, &[0, 1, 2, 3])),
        (1, SegmentError::Context { end: 101, context: 100 })
    );
    let far = SegmentError::Context { end: usize::MAX, context: 100 };
    assert_eq!(rejected(segment(&tokens, usize::MAX - 3, &[0])), (1, far));
    assert_eq!(rejected(segment(&[1], 32, &[0])), (1, SegmentError::Blocks { given: 1, end: 33 }));
    assert_eq!(rejected(segment(&[1], 32, &[0, 8])), (1, SegmentError::Block { block: 8, blocks: 8 }));
    assert_eq!(rejected(segment(&[1], 0, &[7])), (1, SegmentError::Written { block: 7 }));
    assert_eq!(rejected(segment(&[1], 32, &[7, 1])), (1, SegmentError::Written { block: 7 }));
    assert_eq!(rejected(segment(&tokens[..40], 0, &[1, 1])), (1, SegmentError::Written { block: 1 }));

    let other = Fixture::open("qwen3").model(1);
    let mut cache = Cache::new(other.shape(), 8, Store::F32).unwrap();
    assert_eq!(model.forward(&mut cache, &[good]), Err(ForwardError::Cache));
}

#[test]
fn a_cache_takes_what_it_is_said_to_take() {
    let shape = Fixture::open("qwen3").model(1).shape().clone();
    for store in [Store::F32, Store::F16] {
        let each = if store == Store::F32 { 4 } else { 2 };
        let values = 2 * shape.layers * shape.kv() * BLOCK;
        // A head of a multiple of 16 values is stored without gaps.
        assert_eq!(shape.head_dim % 16, 0);
        assert_eq!(Cache::block_bytes(&shape, store), (values * each) as u64);
        assert_eq!(Cache::new(&shape, 3, store).unwrap().blocks(), 3);
        assert!(Cache::new(&shape, usize::MAX / 2, store).is_err());
    }
}
