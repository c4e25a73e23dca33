//! The parameters of a generation: which model, how long, how many, in one piece or as it grows.

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

/// The most answers to one request.
pub const MAX_CHOICES: u32 = 8;
/// The most stop strings.
pub const MAX_STOPS: usize = 16;
/// The most tokens that may be asked for; the model's context bounds them further.
pub const MAX_TOKENS: i64 = 1 << 20;

/// The longest stop string, in bytes.
pub(crate) const MAX_STOP: usize = 256;

/// What every generation is asked for with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GenerationParams {
    /// The name of a model; `GET /v1/models` lists them.
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "ModelName"))]
    pub model: ModelName,
    #[cfg_attr(feature = "schema", schemars(flatten))]
    pub sampling: Sampling,
    /// The form that the answer has.
    #[cfg_attr(feature = "schema", schemars(rename = "response_format", with = "Option<schema::Format>"))]
    pub format: Format,
    /// Texts that end the answer and are no part of it.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Stop>"))]
    pub stop: Vec<String>,
    /// The most tokens of the answer; as many as fit the context if left out.
    #[cfg_attr(feature = "schema", schemars(rename = "max_completion_tokens", range(min = 1, max = MAX_TOKENS)))]
    pub max_tokens: Option<u32>,
    /// How many answers.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>", range(min = 1, max = MAX_CHOICES)))]
    pub n: u32,
    /// How the answer comes.
    #[cfg_attr(feature = "schema", schemars(flatten, with = "schema::Members"))]
    pub streaming: Streaming,
    /// Labels of the job that the call makes.
    #[cfg_attr(feature = "schema", schemars(rename = "metadata", with = "Option<create::schema::Labels>"))]
    pub labels: BTreeMap<String, String>,
}

/// How an answer comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Streaming {
    #[default]
    Whole,
    /// In chunks, as it grows.
    Chunks {
        /// One more chunk at the end says what it took.
        usage: bool,
    },
}

impl GenerationParams {
    /// Asks for one answer of a model, in one piece, and leaves all else to it.
    ///
    /// # Errors
    /// If `model` can be no model's name.
    pub(crate) fn of(model: &str) -> Result<Self, Problem> {
        let unknown =
            |_| Problem::new(ErrorCode::UnknownModel, "`model` is not the name of a model").at("model");
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
        parameters.only::<bool>("store", "false: nothing is stored", |store| !store)?;
        Ok(params)
    }

    #[must_use]
    pub fn streams(&self) -> bool {
        matches!(self.streaming, Streaming::Chunks { .. })
    }
}

/// What to use instead of a parameter that other servers have.
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
        return Err(wrong("stop", format!("`stop` must have at most {MAX_STOPS} strings")));
    }
    if stops.iter().any(|stop| stop.is_empty() || stop.len() > MAX_STOP) {
        return Err(wrong("stop", format!("each string of `stop` must have 1 to {MAX_STOP} bytes")));
    }
    Ok(stops)
}

/// `max_completion_tokens`, or `max_tokens` by its older name.
fn max_tokens(parameters: &mut Parameters) -> Result<Option<u32>, Problem> {
    let newer = parameters.whole("max_completion_tokens", 1, MAX_TOKENS)?;
    let older = parameters.whole("max_tokens", 1, MAX_TOKENS)?;
    if let (Some(newer), Some(older)) = (newer, older)
        && newer != older
    {
        let detail = format!("`max_tokens` is {older} and `max_completion_tokens` {newer}: give one");
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
        return Err(wrong("stream_options", "`stream_options` is for `stream: true` alone"));
    }
    let usage = options.optional("include_usage", "true or false")?.unwrap_or(false);
    options.only::<bool>("include_obfuscation", "false", |wanted| !wanted)?;
    options.none_left(|_| None)?;
    Ok(Streaming::Chunks { usage })
}

/// What the caller wants to know its request by stays with the job.
fn labels(parameters: &mut Parameters) -> Result<BTreeMap<String, String>, Problem> {
    let metadata = parameters.optional("metadata", "an object of strings")?;
    let mut labels: BTreeMap<String, String> = metadata.unwrap_or_default();
    if let Some(user) = parameters.optional::<String>("user", "a string")?
        && !user.is_empty()
    {
        create::labels([("user".to_owned(), user.clone())].into())
            .map_err(|problem| wrong("user", problem.detail))?;
        if labels.insert("user".to_owned(), user).is_some() {
            return Err(wrong("user", "`user` stands in `metadata` too: give one"));
        }
    }
    create::labels(labels).map_err(|problem| wrong("metadata", problem.detail))
}
