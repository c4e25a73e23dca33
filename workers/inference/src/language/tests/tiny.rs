//! A Llama with a few thousand random weights, and a tokenizer with single bytes as tokens.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use cortex_tokens::Tokenizer;
use cortex_transformer::{Model, Options};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;
use tempfile::TempDir;

use super::random::Random;

/// The bytes, `<s>` and `</s>`.
pub(super) const VOCABULARY: usize = 258;
const HIDDEN: usize = 32;
const KV: usize = 16;
const INTERMEDIATE: usize = 48;
const LAYERS: usize = 2;

/// Returns a model that tests share.
pub(crate) fn model() -> Arc<Model> {
    static MODEL: OnceLock<Arc<Model>> = OnceLock::new();
    MODEL.get_or_init(|| Arc::new(make())).clone()
}

pub(crate) fn tokenizer() -> Tokenizer {
    static TOKENIZER: OnceLock<Tokenizer> = OnceLock::new();
    let make = || Tokenizer::from_hugging_face(&spell().0, Some(&spell().1), &[]).unwrap();
    TOKENIZER.get_or_init(make).clone()
}

/// Returns the tokenizer's file and its configuration.
///
/// It uses GPT-2's spelling of bytes. Printable bytes represent themselves, and the others are code
/// points after Latin-1.
fn spell() -> (Vec<u8>, Vec<u8>) {
    let mut others = 0x100..;
    let spelling = (0..=255u32).map(|byte| match byte {
        0x21..=0x7e | 0xa1..=0xac | 0xae.. => byte,
        _ => others.next().unwrap(),
    });
    let mut vocabulary: serde_json::Map<_, _> =
        spelling.zip(0..).map(|(code, id)| (char::from_u32(code).unwrap().into(), json!(id))).collect();
    vocabulary.extend([("<s>".into(), json!(256)), ("</s>".into(), json!(257))]);
    let added = |id: u32, content: &str| {
        json!({
            "id": id, "content": content, "special": true, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false,
        })
    };
    let byte_level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let file = json!({
        "version": "1.0", "added_tokens": [added(256, "<s>"), added(257, "</s>")], "normalizer": null,
        "pre_tokenizer": byte_level, "decoder": byte_level, "post_processor": null,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    });
    let config = json!({"bos_token": "<s>", "eos_token": "</s>"});
    (file.to_string().into(), config.to_string().into())
}

pub(super) fn make() -> Model {
    let options = Options { threads: NonZeroUsize::MIN, ..Options::default() };
    Model::open(folder().path(), &options, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Writes the model's files.
pub(super) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (tokenizer, config) = spell();
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer).unwrap();
    std::fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "hidden_size": HIDDEN, "intermediate_size": INTERMEDIATE, "num_hidden_layers": LAYERS,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": VOCABULARY,
        "max_position_embeddings": 1024, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": false, "hidden_act": "silu", "torch_dtype": "float32",
    });
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let mut weights = Weights { random: Random(7), tensors: Vec::new() };
    weights.add("model.embed_tokens.weight", &[VOCABULARY, HIDDEN], 1.0);
    for layer in 0..LAYERS {
        let mut add = |name: &str, shape: &[usize], scale| {
            weights.add(&format!("model.layers.{layer}.{name}.weight"), shape, scale);
        };
        add("self_attn.q_proj", &[HIDDEN, HIDDEN], 0.5);
        add("self_attn.k_proj", &[KV, HIDDEN], 0.5);
        add("self_attn.v_proj", &[KV, HIDDEN], 0.5);
        add("self_attn.o_proj", &[HIDDEN, HIDDEN], 0.5);
        add("mlp.gate_proj", &[INTERMEDIATE, HIDDEN], 0.3);
        add("mlp.up_proj", &[INTERMEDIATE, HIDDEN], 0.3);
        add("mlp.down_proj", &[HIDDEN, INTERMEDIATE], 0.3);
        add("input_layernorm", &[HIDDEN], 0.0);
        add("post_attention_layernorm", &[HIDDEN], 0.0);
    }
    weights.add("model.norm.weight", &[HIDDEN], 0.0);
    weights.add("lm_head.weight", &[VOCABULARY, HIDDEN], 0.6);
    let views = weights
        .tensors
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let file = folder.path().join("model.safetensors");
    safetensors::serialize_to_file(views, None::<HashMap<String, String>>, &file).unwrap();
    folder
}

struct Weights {
    random: Random,
    tensors: Vec<(String, Vec<usize>, Vec<u8>)>,
}

impl Weights {
    /// Adds random values up to `scale`, or ones if it is 0.
    fn add(&mut self, name: &str, shape: &[usize], scale: f32) {
        let count = shape.iter().product::<usize>();
        let values = (0..count).map(|_| if scale == 0.0 { 1.0 } else { self.random.value() * scale });
        let bytes = values.flat_map(f32::to_le_bytes).collect();
        self.tensors.push((name.into(), shape.to_vec(), bytes));
    }
}
