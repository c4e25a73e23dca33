//! `config.json`, as `transformers` writes it.

use serde::Deserialize;

/// The sizes of a BERT.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "ConfigFile")]
pub(crate) struct Config {
    pub(crate) vocabulary: usize,
    pub(crate) positions: usize,
    pub(crate) token_types: usize,
    pub(crate) hidden: usize,
    pub(crate) inner: usize,
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    pub(crate) epsilon: f32,
}

/// A setting that this forward pass does not support.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{key}` is {found}: {supported}")]
pub(crate) struct Unsupported {
    key: &'static str,
    found: String,
    supported: &'static str,
}

/// The keys that the forward pass needs. Other keys concern training or how the file was written.
#[derive(Deserialize)]
struct ConfigFile {
    model_type: String,
    hidden_act: String,
    #[serde(default)]
    position_embedding_type: Option<String>,
    vocab_size: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    layer_norm_eps: f32,
}

impl TryFrom<ConfigFile> for Config {
    type Error = Unsupported;

    fn try_from(file: ConfigFile) -> Result<Self, Unsupported> {
        let known = |key, found: String, supported: &'static str, fits: bool| {
            if fits { Ok(()) } else { Err(Unsupported { key, found, supported }) }
        };
        let positions = file.position_embedding_type.unwrap_or_else(|| "absolute".into());
        let (hidden, heads) = (file.hidden_size, file.num_attention_heads);
        let bert = file.model_type == "bert";
        known("model_type", file.model_type, "only bert is supported", bert)?;
        let gelu = file.hidden_act == "gelu";
        known("hidden_act", file.hidden_act, "only gelu is supported", gelu)?;
        let absolute = positions == "absolute";
        known("position_embedding_type", positions, "only absolute is supported", absolute)?;
        let aligned = hidden > 0 && hidden.is_multiple_of(16) && file.intermediate_size > 0;
        known("hidden_size", hidden.to_string(), "it must be a multiple of 16", aligned)?;
        let divides = heads > 0 && hidden.is_multiple_of(heads);
        known("num_attention_heads", heads.to_string(), "it must divide hidden_size", divides)?;
        let layers = file.num_hidden_layers;
        known("num_hidden_layers", layers.to_string(), "it must be 1 to 256", (1..=256).contains(&layers))?;
        Ok(Self {
            vocabulary: file.vocab_size,
            positions: file.max_position_embeddings,
            token_types: file.type_vocab_size,
            hidden,
            inner: file.intermediate_size,
            heads,
            layers,
            epsilon: file.layer_norm_eps,
        })
    }
}
