//! The parameters of a generation: the model, the limits, the number of answers, and whether they
//! are streamed.

use std::collections::BTreeMap;

use cortex_domain::id::ModelName;
use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use super::schema;
use super::{Format, Sampling};
use crate::create;
use crate::parameters::{Parameters, wrong};
use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// Maximum number of answers to a request.
pub const MAX_CHOICES: u32 = 8;
/// Maximum number of stop strings.
pub const MAX_STOPS: usize = 16;
/// The largest `max_tokens`. The model's context limits the number further.
pub const MAX_TOKENS: i64 = 1 << 20;

/// The longest stop string, in bytes.
pub(crate) const MAX_STOP: usize = 256;

/// The parameters that all text generation routes share.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GenerationParams {
    /// The name of a model. `GET /v1/models` lists the models.
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "ModelName"))]
    pub model: ModelName,
    #[cfg_attr(feature = "schema", schemars(flatten))]
    pub sampling: Sampling,
    /// The format of the answer.
    #[cfg_attr(feature = "schema", schemars(rename = "response_format", with = "Option<schema::Format>"))]
    pub format: Format,
    /// Texts that end the answer. They are not part of it.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Stop>"))]
    pub stop: Vec<String>,
    /// Maximum number of tokens of the answer. The default is the free space of the context.
    #[cfg_attr(feature = "schema", schemars(rename = "max_completion_tokens", range(min = 1, max = MAX_TOKENS)))]
    pub max_tokens: Option<u32>,
    /// The number of answers.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>", range(min = 1, max = MAX_CHOICES)))]
    pub n: u32,
    /// Whether the answer is streamed.
    #[cfg_attr(feature = "schema", schemars(flatten, with = "schema::Members"))]
    pub streaming: Streaming,
    /// Labels of the job.
    #[cfg_attr(feature = "schema", schemars(rename = "metadata", with = "Option<create::schema::Labels>"))]
    pub labels: BTreeMap<String, String>,
}

/// Whether an answer is streamed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Streaming {
    #[default]
    Whole,
    /// In chunks, while it is generated.
    Chunks {
        /// Whether one more chunk at the end reports the usage.
        usage: bool,
    },
}

impl GenerationParams {
    /// Returns the defaults for one whole answer of a model.
    ///
    /// # Errors
    /// Returns an error if `model` is not a valid model name.
    pub(crate) fn of(model: &str) -> Result<Self, Problem> {
        let unknown = |_| {
            Problem::new(ErrorCode::UnknownModel, "invalid `model`: must be the name of a model").at("model")
        };
        Ok(Self {
            model: model.parse().map_err(unknown)?,
            sampling: Sampling::default(),
            format: Format::Text,
            stop: Vec::new(),
            max_tokens: None,
            n: 1,
            streaming: Streaming::Whole,
            labels: BTreeMap::new(),
        })
    }

    pub(crate) fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let model: String = parameters.required("model", "a string")?;
        let params = Self {
            sampling: Sampling::take(parameters)?,
            format: Format::take(parameters)?,
            stop: stops(parameters)?,
            max_tokens: max_tokens(parameters)?,
            n: choices(parameters)?,
            streaming: streaming(parameters)?,
            labels: labels(parameters)?,
            ..Self::of(&model)?
        };
        parameters.only::<String>("service_tier", "`auto` or `default`", |tier| {
            ["auto", "default"].contains(&tier.as_str())
        })?;
        parameters.only::<bool>("store", "false, because responses are not stored", |store| !store)?;
        Ok(params)
    }

    #[must_use]
    pub fn streams(&self) -> bool {
        matches!(self.streaming, Streaming::Chunks { .. })
    }
}

/// Returns what to use instead of a parameter of other servers.
pub(crate) fn hint(name: &str) -> Option<&'static str> {
    Some(match name {
        "functions" | "function_call" => "use `tools` and `tool_choice`",
        "guided_json" | "guided_regex" | "guided_grammar" | "guided_choice" | "grammar" | "json_schema" => {
            "use `response_format`"
        }
        "reasoning_effort" | "enable_thinking" | "thinking" => {
            "use `chat_template_kwargs`, as in {\"enable_thinking\": false}"
        }
        "repeat_penalty" => "use `repetition_penalty`",
        "max_new_tokens" | "num_predict" | "n_predict" => "use `max_tokens`",
        _ => return None,
    })
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
enum Stop {
    One(#[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_STOP)))] String),
    Many(
        #[cfg_attr(feature = "schema", schemars(length(max = MAX_STOPS), inner(length(min = 1, max = MAX_STOP))))]
         Vec<String>,
    ),
}

fn stops(parameters: &mut Parameters) -> Result<Vec<String>, Problem> {
    let stops = match parameters.optional::<Stop>("stop", "a string or a list of strings")? {
        None => vec![],
        Some(Stop::One(stop)) => vec![stop],
        Some(Stop::Many(stops)) => stops,
    };
    if stops.len() > MAX_STOPS {
        return Err(wrong("stop", format!("invalid `stop`: must have at most {MAX_STOPS} strings")));
    }
    if stops.iter().any(|stop| stop.is_empty() || stop.len() > MAX_STOP) {
        return Err(wrong("stop", format!("invalid `stop`: each string must have 1 to {MAX_STOP} bytes")));
    }
    Ok(stops)
}

/// Reads `max_completion_tokens`, or its older name `max_tokens`.
fn max_tokens(parameters: &mut Parameters) -> Result<Option<u32>, Problem> {
    let newer = parameters.whole("max_completion_tokens", 1, MAX_TOKENS)?;
    let older = parameters.whole("max_tokens", 1, MAX_TOKENS)?;
    if let (Some(newer), Some(older)) = (newer, older)
        && newer != older
    {
        let detail = format!(
            "`max_tokens` is {older} and `max_completion_tokens` is {newer}: send \
            only one"
        );
        return Err(wrong("max_tokens", detail));
    }
    Ok(newer.or(older).and_then(|tokens| u32::try_from(tokens).ok()))
}

fn choices(parameters: &mut Parameters) -> Result<u32, Problem> {
    let n = parameters.whole("n", 1, i64::from(MAX_CHOICES))?;
    Ok(n.and_then(|n| u32::try_from(n).ok()).unwrap_or(1))
}

fn streaming(parameters: &mut Parameters) -> Result<Streaming, Problem> {
    let streams = parameters.optional("stream", "true or false")?.unwrap_or(false);
    let Some(mut options) = parameters.object("stream_options")? else {
        return Ok(if streams { Streaming::Chunks { usage: false } } else { Streaming::Whole });
    };
    if !streams {
        return Err(wrong("stream_options", "`stream_options` requires `stream: true`"));
    }
    let usage = options.optional("include_usage", "true or false")?.unwrap_or(false);
    options.only::<bool>("include_obfuscation", "false", |wanted| !wanted)?;
    options.none_left(|_| None)?;
    Ok(Streaming::Chunks { usage })
}

/// Reads the labels that identify the caller's request. The job keeps them.
fn labels(parameters: &mut Parameters) -> Result<BTreeMap<String, String>, Problem> {
    let metadata = parameters.optional("metadata", "an object of strings")?;
    let mut labels: BTreeMap<String, String> = metadata.unwrap_or_default();
    if let Some(user) = parameters.optional::<String>("user", "a string")?
        && !user.is_empty()
    {
        create::labels([("user".to_owned(), user.clone())].into())
            .map_err(|problem| wrong("user", problem.detail))?;
        if labels.insert("user".to_owned(), user).is_some() {
            return Err(wrong("user", "`user` is also in `metadata`: send only one"));
        }
    }
    create::labels(labels).map_err(|problem| wrong("metadata", problem.detail))
}
