/// Why a model's config can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("it is no JSON object: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it has no `{0}`")]
    Missing(String),
    #[error("`{key}` is {found}, not {expected}")]
    Type { key: String, found: String, expected: &'static str },
    #[error("`{key}` is {found}; it is 1 to {most}")]
    Range { key: String, found: u64, most: u64 },
    #[error("`{key}` is {found}; {supported}")]
    Unsupported { key: String, found: String, supported: &'static str },
}

/// A value as a message shows it: in full when short.
pub(crate) fn shown(value: &impl ToString) -> String {
    const MAX_CHARS: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= MAX_CHARS {
        return text;
    }
    text.chars().take(MAX_CHARS).chain("...".chars()).collect()
}
