use std::fmt;

use super::ConfigError;

/// A family of models that the forward pass supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Llama 1 to 3 and models like them. In GGUF files also Mistral.
    Llama,
    Mistral,
    /// Qwen 2 and 2.5, dense models.
    Qwen2,
    /// Qwen 3, dense models.
    Qwen3,
}

impl Family {
    const ALL: [Self; 4] = [Self::Llama, Self::Mistral, Self::Qwen2, Self::Qwen3];

    /// Returns the name in `model_type` and `general.architecture`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    pub(crate) fn named(key: &'static str, name: &str) -> Result<Self, ConfigError> {
        Self::ALL.into_iter().find(|family| family.name() == name).ok_or_else(|| ConfigError::Unsupported {
            key: key.into(),
            found: super::error::shown(&name),
            supported: "llama, mistral, qwen2 and qwen3 are supported",
        })
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
