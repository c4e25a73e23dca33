/// Why a model's configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("not a JSON object: {0}")]
    Json(#[from] serde_json::Error),
    #[error("missing `{0}`")]
    Missing(String),
    #[error("`{key}` is {found}: it must be {expected}")]
    Type { key: String, found: String, expected: &'static str },
    #[error("`{key}` is {found}: it must be 1 to {most}")]
    Range { key: String, found: u64, most: u64 },
    #[error("`{key}` is {found}: {supported}")]
    Unsupported { key: String, found: String, supported: &'static str },
}

/// Returns a value for an error message, shortened if it is long.
pub(crate) fn shown(value: &impl ToString) -> String {
    const MAX_CHARS: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= MAX_CHARS {
        return text;
    }
    text.chars().take(MAX_CHARS).chain("...".chars()).collect()
}
