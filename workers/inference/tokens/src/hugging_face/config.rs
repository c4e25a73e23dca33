use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::LoadError;

/// The parts of `tokenizer_config.json` that we use.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Config {
    bos_token: Option<Name>,
    eos_token: Option<Name>,
    pub(super) add_bos_token: Option<bool>,
    chat_template: Option<Templates>,
    #[serde(default)]
    added_tokens_decoder: BTreeMap<String, Value>,
}

/// A token, given by its text or as an object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Token { content: String },
}

/// One template, or several named ones.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Several(Vec<Named>),
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    template: String,
}

const FILE: &str = "tokenizer_config.json";

impl Config {
    pub(super) fn parse(json: &[u8]) -> Result<Self, LoadError> {
        serde_json::from_slice(json).map_err(|error| LoadError::Json { file: FILE, cause: error.to_string() })
    }

    pub(super) fn bos(&self) -> Option<&str> {
        self.bos_token.as_ref().map(Name::text)
    }

    pub(super) fn eos(&self) -> Option<&str> {
        self.eos_token.as_ref().map(Name::text)
    }

    /// The only template, or the one named `default`.
    pub(super) fn chat_template(&self) -> Option<String> {
        match self.chat_template.as_ref()? {
            Templates::One(template) => Some(template.clone()),
            Templates::Several(templates) => {
                templates.iter().find(|named| named.name == "default").map(|named| named.template.clone())
            }
        }
    }

    /// The added tokens in the format of `tokenizer.json`, by id.
    pub(super) fn added_tokens(&self) -> Result<Vec<Value>, LoadError> {
        let mut tokens = Vec::with_capacity(self.added_tokens_decoder.len());
        for (id, token) in &self.added_tokens_decoder {
            let malformed =
                || LoadError::Json { file: FILE, cause: format!("the added token `{id}` is malformed") };
            let number: u32 = id.parse().map_err(|_| malformed())?;
            let mut token = token.as_object().cloned().ok_or_else(malformed)?;
            token.insert("id".to_owned(), number.into());
            for part in ["single_word", "lstrip", "rstrip", "normalized", "special"] {
                token.entry(part).or_insert(Value::Bool(false));
            }
            tokens.push((number, Value::Object(token)));
        }
        tokens.sort_by_key(|(id, _)| *id);
        Ok(tokens.into_iter().map(|(_, token)| token).collect())
    }
}

impl Name {
    fn text(&self) -> &str {
        match self {
            Self::Text(content) | Self::Token { content } => content,
        }
    }
}
