//! Reads a shape from a `config.json`, as `transformers` writes it, with the defaults of
//! `transformers`.

use cortex_compute::Pairing;
use serde_json::{Map, Value};

use super::keys::{Keys, checked_size};
use super::{
    Biases, ConfigError, Family, MAX_CONTEXT, MAX_HEAD_DIM, MAX_HEADS, MAX_HIDDEN, MAX_INTERMEDIATE,
    MAX_LAYERS, MAX_VOCABULARY, Rope, Scaling, Shape,
};

type Json = Map<String, Value>;

impl Shape {
    /// Reads a `config.json` of `transformers` 4 or 5.
    pub fn from_config(json: &[u8]) -> Result<Self, ConfigError> {
        let config: Json = serde_json::from_slice(json)?;
        let family = config.text("model_type")?.ok_or_else(|| ConfigError::Missing("model_type".into()))?;
        let family = Family::named("model_type", family)?;
        reject_unsupported(&config)?;
        let layers = config.size("num_hidden_layers", MAX_LAYERS)?;
        let hidden = config.size("hidden_size", MAX_HIDDEN)?;
        let heads = config.size("num_attention_heads", MAX_HEADS)?;
        let written = config.size_if_there("max_position_embeddings", MAX_CONTEXT)?;
        let context = written.unwrap_or(match family {
            Family::Llama => 2048,
            Family::Mistral => 131_072,
            Family::Qwen2 | Family::Qwen3 => 32_768,
        });
        let rope = rope(&config, context)?;
        let shape = Self {
            family,
            layers,
            hidden,
            heads,
            kv_heads: kv_heads(&config, family, heads)?,
            head_dim: head_dim(&config, family, hidden, heads)?,
            intermediate: config.size("intermediate_size", MAX_INTERMEDIATE)?,
            vocabulary: config.size("vocab_size", MAX_VOCABULARY)?,
            context: scaled_context(context, &rope.scaling),
            norm_eps: config.number("rms_norm_eps")?.unwrap_or(1e-6) as f32,
            rope,
            windows: windows(&config, family, layers)?,
            tied: config.flag("tie_word_embeddings")?.unwrap_or(false),
            biases: biases(&config, family)?,
            qk_norm: family == Family::Qwen3,
        };
        shape.check()
    }
}

/// Rejects settings that change the computation in an unsupported way.
fn reject_unsupported(config: &Json) -> Result<(), ConfigError> {
    let activation = config.text("hidden_act")?.unwrap_or("silu");
    if activation != "silu" {
        return Err(unsupported("hidden_act", activation, "only silu is supported"));
    }
    if let Some(found) = config.get("quantization_config").filter(|found| !found.is_null()) {
        return Err(unsupported("quantization_config", found, "only GGUF files may be quantised"));
    }
    for place in
        [Some(config), part(config, "rope_parameters")?, part(config, "rope_scaling")?].into_iter().flatten()
    {
        if let Some(found) = place.number("partial_rotary_factor")?.filter(|&found| found != 1.0) {
            return Err(unsupported(
                "partial_rotary_factor",
                found,
                "only rotation of whole heads is supported",
            ));
        }
    }
    Ok(())
}

/// Returns the number of key-value heads. `null` means the number of heads, and a missing value the
/// family's first default.
fn kv_heads(config: &Json, family: Family, heads: usize) -> Result<usize, ConfigError> {
    let default_heads = match family {
        _ if config.contains_key("num_key_value_heads") => heads,
        Family::Llama => heads,
        Family::Mistral => 8,
        Family::Qwen2 | Family::Qwen3 => 32,
    };
    Ok(config.size_if_there("num_key_value_heads", MAX_HEADS)?.unwrap_or(default_heads))
}

fn head_dim(config: &Json, family: Family, hidden: usize, heads: usize) -> Result<usize, ConfigError> {
    if let Some(written) = config.size_if_there("head_dim", MAX_HEAD_DIM)? {
        return Ok(written);
    }
    if family == Family::Qwen3 && !config.contains_key("head_dim") {
        return Ok(128);
    }
    if !hidden.is_multiple_of(heads) {
        let found = format!("{heads} for a hidden size of {hidden}");
        return Err(unsupported(
            "num_attention_heads",
            found,
            "without `head_dim` it must divide the hidden size",
        ));
    }
    checked_size("hidden_size / num_attention_heads", (hidden / heads) as u64, MAX_HEAD_DIM)
}

fn biases(config: &Json, family: Family) -> Result<Biases, ConfigError> {
    let attention = config.flag("attention_bias")?.unwrap_or(false);
    let mlp = config.flag("mlp_bias")?.unwrap_or(false);
    Ok(match family {
        Family::Llama => Biases { qkv: attention, merge: attention, mlp },
        Family::Mistral => Biases::default(),
        Family::Qwen2 => Biases { qkv: true, ..Biases::default() },
        Family::Qwen3 => Biases { qkv: attention, merge: attention, mlp: false },
    })
}

fn windows(config: &Json, family: Family, layers: usize) -> Result<Vec<Option<usize>>, ConfigError> {
    let written = config.size_if_there("sliding_window", MAX_CONTEXT)?;
    let window = written.or_else(|| (!config.contains_key("sliding_window")).then_some(4096));
    match family {
        Family::Llama => Ok(vec![None; layers]),
        Family::Mistral => Ok(vec![window; layers]),
        Family::Qwen2 | Family::Qwen3 => {
            let window = window.filter(|_| config.get("use_sliding_window").is_some_and(|used| used == true));
            config.flag("use_sliding_window")?;
            if let Some(types) = config.get("layer_types").filter(|types| !types.is_null()) {
                return windows_by_type(types, window, layers);
            }
            let full = config.whole("max_window_layers")?.unwrap_or(28);
            Ok((0..layers as u64).map(|layer| window.filter(|_| layer >= full)).collect())
        }
    }
}

fn windows_by_type(
    types: &Value,
    window: Option<usize>,
    layers: usize,
) -> Result<Vec<Option<usize>>, ConfigError> {
    let one = |kind: &Value| match kind.as_str() {
        Some("full_attention") => Ok(None),
        Some("sliding_attention") => window.map(Some).ok_or_else(|| {
            unsupported("layer_types", kind, "it needs `use_sliding_window` and a `sliding_window`")
        }),
        _ => Err(unsupported("layer_types", kind, "full_attention and sliding_attention are supported")),
    };
    match types.as_array() {
        Some(types) if types.len() == layers => types.iter().map(one).collect(),
        _ => Err(unsupported("layer_types", types, "it must be a list with `num_hidden_layers` entries")),
    }
}

/// Reads `rope_parameters` of version 5, or `rope_theta` and `rope_scaling` of version 4.
fn rope(config: &Json, context: usize) -> Result<Rope, ConfigError> {
    let none = Json::new();
    let settings = match part(config, "rope_scaling")? {
        Some(scaling) => scaling,
        None => part(config, "rope_parameters")?.unwrap_or(&none),
    };
    if let Some((key, found)) = settings.iter().find(|(_, value)| value.is_object()) {
        return Err(unsupported(
            "rope_parameters",
            format!("{{\"{key}\": {found}}}"),
            "only one setting for all layers is supported",
        ));
    }
    let theta = settings.positive("rope_theta")?.or(config.positive("rope_theta")?).unwrap_or(10_000.0);
    if theta <= 1.0 {
        return Err(unsupported("rope_theta", theta, "it must be above 1"));
    }
    let scaling = scaling(config, settings, context)?;
    Ok(Rope { theta, scaling, pairing: Pairing::Halves })
}

fn scaling(config: &Json, rope: &Json, context: usize) -> Result<Scaling, ConfigError> {
    let required = |key: &str| rope.positive(key)?.ok_or_else(|| ConfigError::Missing(key.into()));
    let original = || {
        let key = "original_max_position_embeddings";
        Ok::<_, ConfigError>(config.positive(key)?.or(rope.positive(key)?).unwrap_or(context as f64))
    };
    let kind = rope.text("rope_type")?.or(rope.text("type")?).unwrap_or("default");
    match kind {
        "default" => Ok(Scaling::None),
        "linear" => Ok(Scaling::Linear { factor: required("factor")? }),
        "llama3" => {
            let (low, high) = (required("low_freq_factor")?, required("high_freq_factor")?);
            if high <= low {
                return Err(unsupported("high_freq_factor", high, "it must be above `low_freq_factor`"));
            }
            Ok(Scaling::Llama3 { factor: required("factor")?, low, high, original: original()? })
        }
        "yarn" => {
            let original = original()?;
            let factor = rope.positive("factor")?.unwrap_or(context as f64 / original);
            let by = (rope.number("mscale")?.unwrap_or(0.0), rope.number("mscale_all_dim")?.unwrap_or(0.0));
            let suggested = if by.0 != 0.0 && by.1 != 0.0 {
                Scaling::yarn_gain(factor, by.0) / Scaling::yarn_gain(factor, by.1)
            } else {
                Scaling::yarn_gain(factor, 1.0)
            };
            Ok(Scaling::Yarn {
                factor,
                original,
                fast: rope.positive("beta_fast")?.unwrap_or(32.0),
                slow: rope.positive("beta_slow")?.unwrap_or(1.0),
                truncate: rope.flag("truncate")?.unwrap_or(true),
                gain: rope.positive("attention_factor")?.unwrap_or(suggested) as f32,
            })
        }
        other => Err(unsupported("rope_type", other, "default, linear, llama3 and yarn are supported")),
    }
}

/// Returns the context after scaling. Configurations with YaRN name the context before it or after
/// it.
fn scaled_context(context: usize, scaling: &Scaling) -> usize {
    match *scaling {
        Scaling::Yarn { factor, original, .. } => {
            context.max((factor * original).min(MAX_CONTEXT as f64) as usize)
        }
        _ => context,
    }
}

fn part<'a>(config: &'a Json, key: &str) -> Result<Option<&'a Json>, ConfigError> {
    config.read(key, "an object", |setting| match setting {
        super::keys::Setting::Json(value) => value.as_object(),
        super::keys::Setting::Gguf(_) => None,
    })
}

fn unsupported(key: &'static str, found: impl ToString, supported: &'static str) -> ConfigError {
    ConfigError::Unsupported { key: key.into(), found: super::error::shown(&found), supported }
}
