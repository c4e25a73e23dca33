//! The request.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use super::schema;
use crate::body::Checked;
use crate::generation::{GenerationParams, MAX_CHOICES, hint};
use crate::numbers::TokenId;
use crate::parameters::{Parameters, wrong};
use crate::problem::Problem;

/// Maximum number of prompts in a request.
pub const MAX_PROMPTS: usize = 32;

/// Maximum number of alternatives to return for each token.
pub(crate) const MAX_TOP: i64 = 20;
/// Maximum number of choices over all prompts.
const MAX_ALL: usize = 32;
/// OpenAI's default of `max_tokens`.
const DEFAULT_MAX_TOKENS: u32 = 16;

/// A request to continue texts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = schema::add_rules))]
pub struct CompletionRequest {
    /// `max_tokens` defaults to 16, as in OpenAI's API.
    #[cfg_attr(feature = "schema", schemars(flatten))]
    #[serde(rename = "terms")]
    pub params: GenerationParams,
    /// Texts, or tokens of the model's vocabulary.
    #[cfg_attr(feature = "schema", schemars(rename = "prompt", with = "PromptInput"))]
    pub prompts: Vec<Prompt>,
    /// How many alternatives to return for each token. `None` returns no probabilities.
    #[cfg_attr(feature = "schema", schemars(flatten, with = "schema::Members"))]
    pub logprobs: Option<u8>,
}

/// A text or tokens to continue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Prompt {
    Text(String),
    /// Tokens of the model's vocabulary, at least one.
    Tokens(Vec<u32>),
}

impl CompletionRequest {
    /// Parses and validates a body: size, content type, depth, syntax, secrets, then every
    /// parameter.
    ///
    /// # Errors
    /// Returns a problem that names the invalid parameter. An unsupported parameter is an error and
    /// is never ignored.
    pub fn parse(body: Checked<'_>) -> Result<Self, Problem> {
        let mut parameters = Parameters::body(body)?;
        let mut params = GenerationParams::take(&mut parameters)?;
        params.max_tokens.get_or_insert(DEFAULT_MAX_TOKENS);
        let prompts = prompts(&mut parameters)?;
        let n = params.n;
        if prompts.len() * n as usize > MAX_ALL {
            return Err(wrong(
                "n",
                format!(
                    "invalid `n`: the number of prompts times `n` must be at \
                most {MAX_ALL}"
                ),
            ));
        }
        let logprobs = parameters.whole("logprobs", 0, MAX_TOP)?.and_then(|top| u8::try_from(top).ok());
        if parameters.whole("best_of", 1, i64::from(MAX_CHOICES))?.is_some_and(|best| best != i64::from(n)) {
            return Err(wrong("best_of", "invalid `best_of`: must equal `n`"));
        }
        parameters.only::<bool>("echo", "false", |echo| !echo)?;
        parameters.only::<String>("suffix", "empty", String::is_empty)?;
        parameters.none_left(hint)?;
        Ok(Self { params, prompts, logprobs })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
enum PromptInput {
    Text(String),
    Texts(#[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PROMPTS)))] Vec<String>),
    Tokens(#[cfg_attr(feature = "schema", schemars(length(min = 1)))] Vec<TokenId>),
    Many(
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PROMPTS), inner(length(min = 1))))]
        Vec<Vec<TokenId>>,
    ),
}

fn ids(tokens: Vec<TokenId>) -> Vec<u32> {
    tokens.into_iter().map(|TokenId(id)| id).collect()
}

fn prompts(parameters: &mut Parameters) -> Result<Vec<Prompt>, Problem> {
    let what = "a string, a list of strings, or tokens";
    let prompts = match parameters.required("prompt", what)? {
        PromptInput::Text(text) => vec![Prompt::Text(text)],
        PromptInput::Texts(texts) => texts.into_iter().map(Prompt::Text).collect(),
        PromptInput::Tokens(tokens) => vec![Prompt::Tokens(ids(tokens))],
        PromptInput::Many(many) => {
            many.into_iter().map(|tokens| Prompt::Tokens(ids(tokens))).collect::<Vec<_>>()
        }
    };
    if prompts.is_empty() || prompts.len() > MAX_PROMPTS {
        return Err(wrong("prompt", format!("invalid `prompt`: must have 1 to {MAX_PROMPTS} prompts")));
    }
    if prompts.contains(&Prompt::Tokens(vec![])) {
        return Err(wrong("prompt", "invalid `prompt`: a prompt of tokens must have at least one token"));
    }
    Ok(prompts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use cortex_domain::ErrorCode;

    fn parse(body: &str) -> Result<CompletionRequest, Problem> {
        CompletionRequest::parse(Checked::trust(body.as_bytes()))
    }

    #[test]
    fn a_prompt_is_a_text_texts_or_tokens() {
        let text = |text: &str| Prompt::Text(text.into());
        for (prompt, expected) in [
            (r#""a""#, vec![text("a")]),
            (r#""""#, vec![text("")]),
            (r#"["a","b"]"#, vec![text("a"), text("b")]),
            ("[1,2]", vec![Prompt::Tokens(vec![1, 2])]),
            ("[1.0,2e1]", vec![Prompt::Tokens(vec![1, 20])]),
            ("[[1],[2]]", vec![Prompt::Tokens(vec![1]), Prompt::Tokens(vec![2])]),
        ] {
            let request = parse(&format!(r#"{{"model":"m","prompt":{prompt}}}"#)).unwrap();
            assert_eq!(request.prompts, expected);
            assert_eq!((request.params.max_tokens, request.logprobs), (Some(16), None));
        }
    }

    #[test]
    fn each_wrong_parameter_is_named() {
        let many = serde_json::to_string(&vec!["a"; MAX_PROMPTS + 1]).unwrap();
        for (fields, param) in [
            (r#""prompt":[]"#, "prompt"),
            (r#""prompt":[[]]"#, "prompt"),
            (r#""prompt":[1.5]"#, "prompt"),
            (r#""prompt":[-1]"#, "prompt"),
            (r#""prompt":{}"#, "prompt"),
            (r#""max_tokens":1"#, "prompt"),
            (&format!(r#""prompt":{many}"#), "prompt"),
            (r#""prompt":["a","a","a","a","a"],"n":7"#, "n"),
            (r#""prompt":"a","echo":true"#, "echo"),
            (r#""prompt":"a","suffix":"b""#, "suffix"),
            (r#""prompt":"a","best_of":3,"n":2"#, "best_of"),
            (r#""prompt":"a","logprobs":21"#, "logprobs"),
            (r#""prompt":"a","logprobs":true"#, "logprobs"),
            (r#""prompt":"a","messages":[]"#, "messages"),
        ] {
            let problem = parse(&format!(r#"{{"model":"m",{fields}}}"#)).unwrap_err();
            assert_eq!(
                (problem.kind, &problem.extensions["param"]),
                (ErrorCode::InvalidRequest, &param.into()),
                "{fields}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = CompletionRequest::parse(Checked::trust(&bytes));
        }
    }
}
