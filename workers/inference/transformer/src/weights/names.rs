/// What the tensors of a model are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    HuggingFace,
    Gguf,
}

/// A tensor that every layer has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
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

    /// The name of a layer's tensor, without `.weight` or `.bias`.
    pub(crate) fn layer(self, layer: usize, part: Part) -> String {
        let (hugging_face, gguf) = match part {
            Part::AttentionNorm => ("input_layernorm", "attn_norm"),
            Part::Query => ("self_attn.q_proj", "attn_q"),
            Part::Key => ("self_attn.k_proj", "attn_k"),
            Part::Value => ("self_attn.v_proj", "attn_v"),
            Part::QueryNorm => ("self_attn.q_norm", "attn_q_norm"),
            Part::KeyNorm => ("self_attn.k_norm", "attn_k_norm"),
            Part::Merge => ("self_attn.o_proj", "attn_output"),
            Part::MlpNorm => ("post_attention_layernorm", "ffn_norm"),
            Part::Gate => ("mlp.gate_proj", "ffn_gate"),
            Part::Up => ("mlp.up_proj", "ffn_up"),
            Part::Down => ("mlp.down_proj", "ffn_down"),
        };
        match self {
            Self::HuggingFace => format!("model.layers.{layer}.{hugging_face}"),
            Self::Gguf => format!("blk.{layer}.{gguf}"),
        }
    }

    /// Whether a tensor that no model needs may be there: it holds what the config says, or a copy.
    pub(crate) fn idle(self, name: &str, tied: bool) -> bool {
        match self {
            Self::HuggingFace => name.ends_with(".rotary_emb.inv_freq") || (tied && name == self.output()),
            Self::Gguf => name == DIVISORS || name.ends_with(".attn_rot_embd.weight"),
        }
    }
}

/// GGUF's own way to scale the rope of Llama 3.
pub(crate) const DIVISORS: &str = "rope_freqs.weight";
