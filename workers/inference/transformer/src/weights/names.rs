/// The naming scheme of a model's tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    HuggingFace,
    Gguf,
}

/// A tensor that every layer has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LayerTensor {
    AttentionNorm,
    Query,
    Key,
    Value,
    QueryNorm,
    KeyNorm,
    Merge,
    MlpNorm,
    Gate,
    Up,
    Down,
}

impl Names {
    pub(crate) const fn embedding(self) -> &'static str {
        match self {
            Self::HuggingFace => "model.embed_tokens.weight",
            Self::Gguf => "token_embd.weight",
        }
    }

    pub(crate) const fn norm(self) -> &'static str {
        match self {
            Self::HuggingFace => "model.norm.weight",
            Self::Gguf => "output_norm.weight",
        }
    }

    pub(crate) const fn output(self) -> &'static str {
        match self {
            Self::HuggingFace => "lm_head.weight",
            Self::Gguf => "output.weight",
        }
    }

    /// Returns the name of a layer's tensor, without `.weight` or `.bias`.
    pub(crate) fn layer(self, layer: usize, part: LayerTensor) -> String {
        let (hugging_face, gguf) = match part {
            LayerTensor::AttentionNorm => ("input_layernorm", "attn_norm"),
            LayerTensor::Query => ("self_attn.q_proj", "attn_q"),
            LayerTensor::Key => ("self_attn.k_proj", "attn_k"),
            LayerTensor::Value => ("self_attn.v_proj", "attn_v"),
            LayerTensor::QueryNorm => ("self_attn.q_norm", "attn_q_norm"),
            LayerTensor::KeyNorm => ("self_attn.k_norm", "attn_k_norm"),
            LayerTensor::Merge => ("self_attn.o_proj", "attn_output"),
            LayerTensor::MlpNorm => ("post_attention_layernorm", "ffn_norm"),
            LayerTensor::Gate => ("mlp.gate_proj", "ffn_gate"),
            LayerTensor::Up => ("mlp.up_proj", "ffn_up"),
            LayerTensor::Down => ("mlp.down_proj", "ffn_down"),
        };
        match self {
            Self::HuggingFace => format!("model.layers.{layer}.{hugging_face}"),
            Self::Gguf => format!("blk.{layer}.{gguf}"),
        }
    }

    /// Returns whether an unused tensor may be ignored, because it repeats the configuration or
    /// another tensor.
    pub(crate) fn may_ignore(self, name: &str, tied: bool) -> bool {
        match self {
            Self::HuggingFace => name.ends_with(".rotary_emb.inv_freq") || (tied && name == self.output()),
            Self::Gguf => name == DIVISORS || name.ends_with(".attn_rot_embd.weight"),
        }
    }
}

/// The tensor in which GGUF stores Llama 3's scaling of the rotation.
pub(crate) const DIVISORS: &str = "rope_freqs.weight";
