//! Reads a shape from the metadata of a GGUF file, as llama.cpp's converters write it.

use cortex_compute::Pairing;
use cortex_gguf::{Gguf, Value};

use super::error::shown;
use super::keys::Keys;
use super::{
    Biases, ConfigError, Family, MAX_CONTEXT, MAX_HEAD_DIM, MAX_HEADS, MAX_HIDDEN, MAX_INTERMEDIATE,
    MAX_LAYERS, MAX_VOCABULARY, Rope, Scaling, Shape,
};
use crate::weights::Names;

/// Keys that change the computation in an unsupported way, each with its neutral value.
const NEUTRAL_VALUES: [(&str, f64); 11] = [
    ("expert_count", 0.0),
    ("logit_scale", 1.0),
    ("residual_scale", 1.0),
    ("embedding_scale", 1.0),
    ("attention.scale", 0.0),
    ("attention.clamp_kqv", 0.0),
    ("attention.max_alibi_bias", 0.0),
    ("attention.logit_softcapping", 0.0),
    ("final_logit_softcapping", 0.0),
    ("rope.scaling.yarn_log_multiplier", 0.0),
    ("rope.scaling.yarn_ext_factor", 1.0),
];

impl Shape {
    /// Reads the metadata of a GGUF file, and some facts from its tensors. `divisors` are the
    /// values of `rope_freqs.weight`, if the file has it.
    pub fn from_gguf(file: &Gguf, divisors: Option<Vec<f32>>) -> Result<Self, ConfigError> {
        let key = "general.architecture";
        let family = file.text(key)?.ok_or_else(|| ConfigError::Missing(key.into()))?;
        let family = Family::named(key, family)?;
        let keys = ArchitectureKeys { file, family };
        reject_unsupported(&keys)?;
        let layers = keys.size("block_count", MAX_LAYERS)?;
        let hidden = keys.size("embedding_length", MAX_HIDDEN)?;
        let heads = keys.size("attention.head_count", MAX_HEADS)?;
        let head_dim = head_dim(&keys, hidden, heads)?;
        let context = keys.size("context_length", MAX_CONTEXT)?;
        let window = keys.whole("attention.sliding_window")?.filter(|&window| window != 0);
        let window = window.map(|_| keys.size("attention.sliding_window", MAX_CONTEXT)).transpose()?;
        let there = |name: &str| file.tensor(name).is_some();
        let shape = Self {
            family,
            layers,
            hidden,
            heads,
            kv_heads: keys.size_if_there("attention.head_count_kv", MAX_HEADS)?.unwrap_or(heads),
            head_dim,
            intermediate: keys.size("feed_forward_length", MAX_INTERMEDIATE)?,
            vocabulary: vocabulary(file)?,
            context,
            norm_eps: keys.number("attention.layer_norm_rms_epsilon")?.unwrap_or(1e-6) as f32,
            rope: rope(&keys, context, divisors)?,
            windows: vec![window; layers],
            tied: !there(Names::Gguf.output()),
            biases: Biases {
                qkv: family == Family::Qwen2 || there("blk.0.attn_q.bias"),
                merge: there("blk.0.attn_output.bias"),
                mlp: there("blk.0.ffn_gate.bias"),
            },
            qk_norm: family == Family::Qwen3,
        };
        shape.check()
    }
}

fn reject_unsupported(keys: &ArchitectureKeys<'_>) -> Result<(), ConfigError> {
    for (key, harmless) in NEUTRAL_VALUES {
        let found = match keys.whole(key) {
            Ok(whole) => whole.map(|whole| whole as f64),
            Err(_) => keys.number(key)?,
        };
        if let Some(found) = found.filter(|&found| found != harmless) {
            return Err(keys.unsupported(key, found, "no supported model has it"));
        }
    }
    if let Some(found) = keys.file.whole("split.count")?.filter(|&count| count > 1) {
        let (key, found) = ("split.count".into(), found.to_string());
        return Err(ConfigError::Unsupported {
            key,
            found,
            supported: "split files are not supported, so merge the parts",
        });
    }
    for key in ["attention.sliding_window_pattern", "attention.causal"] {
        let usual = |value: &Value| key == "attention.causal" && *value == Value::Bool(true);
        if let Some(found) = keys.value(key).filter(|&value| !usual(value)) {
            return Err(keys.unsupported(key, format!("{found:?}"), "no supported model has it"));
        }
    }
    Ok(())
}

fn head_dim(keys: &ArchitectureKeys<'_>, hidden: usize, heads: usize) -> Result<usize, ConfigError> {
    let head_dim = match keys.size_if_there("attention.key_length", MAX_HEAD_DIM)? {
        Some(written) => written,
        None if hidden.is_multiple_of(heads) => hidden / heads,
        None => {
            let found = format!("{heads} for a hidden size of {hidden}");
            let supported = "without key_length it must divide the hidden size";
            return Err(keys.unsupported("attention.head_count", found, supported));
        }
    };
    for key in ["attention.value_length", "rope.dimension_count"] {
        if let Some(found) = keys.whole(key)?.filter(|&found| found != head_dim as u64) {
            return Err(keys.unsupported(
                key,
                format!("{found} of {head_dim}"),
                "it must be the size of a head",
            ));
        }
    }
    Ok(head_dim)
}

/// Returns the number of rows in the embedding. The list of tokens may be padded differently, or
/// missing.
fn vocabulary(file: &Gguf) -> Result<usize, ConfigError> {
    let key = Names::Gguf.embedding();
    let tensor = file.tensor(key).ok_or_else(|| ConfigError::Missing(key.into()))?;
    match tensor.shape[..] {
        [_, rows] => super::keys::checked_size(key, rows, MAX_VOCABULARY),
        _ => Err(ConfigError::Type {
            key: key.into(),
            found: format!("{:?}", tensor.shape),
            expected: "a matrix",
        }),
    }
}

fn rope(
    keys: &ArchitectureKeys<'_>,
    context: usize,
    divisors: Option<Vec<f32>>,
) -> Result<Rope, ConfigError> {
    let theta = keys.number("rope.freq_base")?.unwrap_or(10_000.0);
    if theta <= 1.0 {
        return Err(keys.unsupported("rope.freq_base", theta, "it must be above 1"));
    }
    // The converter for Llama permutes the rows of queries and keys. Those for the other families
    // don't.
    let pairing = if keys.family == Family::Llama { Pairing::Adjacent } else { Pairing::Halves };
    Ok(Rope { theta, scaling: scaling(keys, context, divisors)?, pairing })
}

fn scaling(
    keys: &ArchitectureKeys<'_>,
    context: usize,
    divisors: Option<Vec<f32>>,
) -> Result<Scaling, ConfigError> {
    let old = keys.number("rope.scale_linear")?.filter(|&factor| factor != 0.0);
    let factor = keys.number("rope.scaling.factor")?.filter(|&factor| factor != 0.0).or(old).unwrap_or(1.0);
    if factor < 0.0 {
        return Err(keys.unsupported("rope.scaling.factor", factor, "it must be above zero"));
    }
    let kind = keys.text("rope.scaling.type")?.unwrap_or("linear");
    match (kind, divisors) {
        ("none", None) => Ok(Scaling::None),
        ("none", Some(divisors)) => Ok(Scaling::Divisors { divisors, factor: 1.0 }),
        ("linear", None) => Ok(Scaling::Linear { factor }),
        ("linear", Some(divisors)) => Ok(Scaling::Divisors { divisors, factor }),
        ("yarn", None) => {
            let original =
                keys.size_if_there("rope.scaling.original_context_length", MAX_CONTEXT)?.unwrap_or(context);
            let by = keys.positive("rope.scaling.attn_factor")?.unwrap_or(1.0)
                * keys.positive("rope.scaling.yarn_attn_factor")?.unwrap_or(1.0);
            Ok(Scaling::Yarn {
                factor,
                original: original as f64,
                fast: keys.positive("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
                slow: keys.positive("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
                truncate: true,
                gain: (Scaling::yarn_gain(factor, 1.0) * by) as f32,
            })
        }
        ("yarn", Some(_)) => Err(keys.unsupported(
            "rope.scaling.type",
            "yarn",
            "with rope_freqs.weight it must be none or linear",
        )),
        (other, _) => {
            Err(keys.unsupported("rope.scaling.type", other, "none, linear and yarn are supported"))
        }
    }
}

/// Keys with the architecture's prefix: `block_count` reads `llama.block_count`.
struct ArchitectureKeys<'a> {
    file: &'a Gguf,
    family: Family,
}

impl ArchitectureKeys<'_> {
    fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.family)
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.file.get(&self.name(key))
    }

    fn whole(&self, key: &str) -> Result<Option<u64>, ConfigError> {
        self.file.whole(&self.name(key))
    }

    fn number(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        self.file.number(&self.name(key))
    }

    fn positive(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        self.file.positive(&self.name(key))
    }

    fn text(&self, key: &str) -> Result<Option<&str>, ConfigError> {
        self.file.text(&self.name(key))
    }

    fn size(&self, key: &str, most: u64) -> Result<usize, ConfigError> {
        self.file.size(&self.name(key), most)
    }

    fn size_if_there(&self, key: &str, most: u64) -> Result<Option<usize>, ConfigError> {
        self.file.size_if_there(&self.name(key), most)
    }

    fn unsupported(&self, key: &str, found: impl ToString, supported: &'static str) -> ConfigError {
        ConfigError::Unsupported { key: self.name(key), found: shown(&found), supported }
    }
}
