//! GGUF metadata that would change the computation is rejected by its key.

#![allow(clippy::unwrap_used)]

use cortex_gguf::Gguf;
use cortex_transformer::{Scaling, Shape};

/// A value as a GGUF file stores it.
#[derive(Clone, Copy)]
enum Value {
    Number(u32),
    Float(f32),
    Text(&'static str),
    Flag(bool),
    Numbers(&'static [u32]),
}

use Value::{Flag, Float, Number, Numbers, Text};

const HEALTHY: [(&str, Value); 8] = [
    ("general.architecture", Text("llama")),
    ("llama.block_count", Number(2)),
    ("llama.context_length", Number(4096)),
    ("llama.embedding_length", Number(64)),
    ("llama.feed_forward_length", Number(96)),
    ("llama.attention.head_count", Number(4)),
    ("llama.attention.head_count_kv", Number(2)),
    ("llama.attention.layer_norm_rms_epsilon", Float(1e-5)),
];

/// Reads the valid metadata with other values under some keys, and an embedding of ten tokens.
fn read(changes: &[(&'static str, Value)], divisors: Option<Vec<f32>>) -> Result<Shape, String> {
    let kept = HEALTHY.iter().filter(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
    let values: Vec<_> = kept.chain(changes).collect();
    let mut file = b"GGUF".to_vec();
    file.extend(3_u32.to_le_bytes());
    file.extend(1_u64.to_le_bytes());
    file.extend((values.len() as u64).to_le_bytes());
    for (key, value) in values {
        text(&mut file, key);
        write(&mut file, *value);
    }
    text(&mut file, "token_embd.weight");
    file.extend(2_u32.to_le_bytes());
    file.extend([64_u64, 10].iter().flat_map(|size| size.to_le_bytes()));
    file.extend(0_u32.to_le_bytes());
    file.extend(0_u64.to_le_bytes());
    file.resize(file.len().next_multiple_of(32) + 64 * 10 * 4, 0);
    Shape::from_gguf(&Gguf::parse(&file).unwrap(), divisors).map_err(|error| error.to_string())
}

fn text(file: &mut Vec<u8>, text: &str) {
    file.extend((text.len() as u64).to_le_bytes());
    file.extend(text.as_bytes());
}

fn write(file: &mut Vec<u8>, value: Value) {
    let kind = |file: &mut Vec<u8>, kind: u32| file.extend(kind.to_le_bytes());
    match value {
        Number(number) => {
            kind(file, 4);
            file.extend(number.to_le_bytes());
        }
        Float(number) => {
            kind(file, 6);
            file.extend(number.to_le_bytes());
        }
        Flag(flag) => {
            kind(file, 7);
            file.push(flag.into());
        }
        Text(value) => {
            kind(file, 8);
            text(file, value);
        }
        Numbers(numbers) => {
            kind(file, 9);
            kind(file, 4);
            file.extend((numbers.len() as u64).to_le_bytes());
            file.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
    }
}

#[test]
fn healthy_metadata_is_a_shape() {
    let shape = read(&[], None).unwrap();
    assert_eq!((shape.layers, shape.head_dim, shape.vocabulary, shape.tied), (2, 16, 10, true));
    let harmless = [
        ("llama.expert_count", Number(0)),
        ("llama.attention.causal", Flag(true)),
        ("llama.logit_scale", Float(1.0)),
        ("llama.attention.sliding_window", Number(0)),
    ];
    assert_eq!(read(&harmless, None).unwrap(), shape);
    let shape = read(&[("llama.attention.sliding_window", Number(512))], None).unwrap();
    assert_eq!(shape.windows, vec![Some(512); 2]);
    let shape = read(&[("llama.rope.scaling.factor", Float(4.0))], Some(vec![1.0; 8])).unwrap();
    assert_eq!(shape.rope.scaling, Scaling::Divisors { divisors: vec![1.0; 8], factor: 4.0 });
}

#[test]
fn metadata_that_would_make_another_model_is_refused_by_its_key() {
    for (key, value) in [
        ("general.architecture", Text("mamba")),
        ("general.architecture", Number(1)),
        ("llama.block_count", Number(0)),
        ("llama.block_count", Number(u32::MAX)),
        ("llama.attention.head_count", Number(0)),
        ("llama.attention.head_count_kv", Numbers(&[2, 2])),
        ("llama.attention.key_length", Number(0)),
        ("llama.attention.value_length", Number(32)),
        ("llama.attention.sliding_window_pattern", Number(2)),
        ("llama.attention.causal", Flag(false)),
        ("llama.attention.layer_norm_rms_epsilon", Float(f32::NAN)),
        ("llama.expert_count", Number(8)),
        ("llama.logit_scale", Float(0.5)),
        ("llama.rope.dimension_count", Number(8)),
        ("llama.rope.freq_base", Float(f32::INFINITY)),
        ("llama.rope.freq_base", Float(0.0)),
        ("llama.rope.scaling.type", Text("longrope")),
        ("llama.rope.scaling.factor", Float(-2.0)),
        ("split.count", Number(3)),
    ] {
        let error = read(&[(key, value)], None).unwrap_err();
        assert!(error.contains(key), "{error} does not name {key}");
    }
    assert!(
        read(&[("llama.attention.head_count_kv", Number(3))], None).unwrap_err().contains("key-value heads")
    );
    assert!(read(&[], Some(vec![1.0; 7])).unwrap_err().contains("rope factors"));
    assert!(read(&[], Some(vec![0.0; 8])).unwrap_err().contains("frequencies must be finite"));
}
