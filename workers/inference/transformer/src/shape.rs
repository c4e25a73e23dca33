//! The shape of a model: its sizes, and its variants of the architecture.

mod error;
mod family;
mod gguf;
mod hugging_face;
mod keys;
mod rope;

pub use error::ConfigError;
pub use family::Family;
pub use rope::{Rope, Scaling};

/// The sizes of a model. They are checked to be plausible and consistent.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pub family: Family,
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    /// Heads of keys and values. Each one serves `heads / kv_heads` neighbouring heads of queries.
    pub kv_heads: usize,
    /// Values in a head, which is not always `hidden / heads`.
    pub head_dim: usize,
    pub intermediate: usize,
    pub vocabulary: usize,
    /// The maximum number of tokens in a sequence.
    pub context: usize,
    pub norm_eps: f32,
    pub rope: Rope,
    /// For each layer, how many tokens a token attends to, including itself. `None` means all
    /// tokens before it.
    pub windows: Vec<Option<usize>>,
    /// Whether the output matrix is the embedding.
    pub tied: bool,
    pub biases: Biases,
    /// Whether each head of queries and keys is normalised before the rotation.
    pub qk_norm: bool,
}

/// Which layers have a bias.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Biases {
    pub qkv: bool,
    pub merge: bool,
    pub mlp: bool,
}

/// Limits that no supported model exceeds. A larger number means a damaged file.
const MAX_LAYERS: u64 = 1 << 10;
const MAX_HIDDEN: u64 = 1 << 17;
const MAX_INTERMEDIATE: u64 = 1 << 20;
const MAX_HEADS: u64 = 1 << 11;
const MAX_HEAD_DIM: u64 = 1 << 12;
const MAX_VOCABULARY: u64 = 1 << 24;
const MAX_CONTEXT: u64 = 1 << 30;

impl Shape {
    /// Returns the number of values in all query heads of a token.
    pub fn query(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Returns the number of values in all key heads of a token, which is that of its value heads
    /// too.
    pub fn kv(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Checks the relations between the numbers.
    fn check(self) -> Result<Self, ConfigError> {
        let known = |key: &str, found: String, supported, fits: bool| {
            if fits {
                Ok(())
            } else {
                Err(ConfigError::Unsupported { key: String::from(key), found, supported })
            }
        };
        let (heads, kv_heads, head_dim) = (self.heads, self.kv_heads, self.head_dim);
        known(
            "the number of key-value heads",
            format!("{kv_heads} for {heads} heads"),
            "it must divide the number of heads",
            heads.is_multiple_of(kv_heads),
        )?;
        known("the size of a head", head_dim.to_string(), "it must be even", head_dim.is_multiple_of(2))?;
        let eps = self.norm_eps;
        known("the norm's epsilon", eps.to_string(), "it must be 0 to 0.1", (0.0..=0.1).contains(&eps))?;
        let divisors =
            if let Scaling::Divisors { divisors, .. } = &self.rope.scaling { divisors } else { &vec![] };
        let pairs = divisors.len();
        known(
            "the number of rope factors",
            pairs.to_string(),
            "it must be half the size of a head",
            pairs == 0 || pairs == head_dim / 2,
        )?;
        let frequencies = self.rope.frequencies(head_dim);
        let finite = frequencies.iter().all(|frequency| frequency.is_finite());
        known("rope", format!("{:?}", self.rope), "its frequencies must be finite", finite)?;
        Ok(self)
    }
}
