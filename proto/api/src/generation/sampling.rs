//! How the next token is sampled.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::parameters::Parameters;
use crate::problem::Problem;
use cortex_redact::quoted;

/// Maximum number of tokens with a bias.
pub const MAX_BIASES: usize = 1024;
/// The highest temperature.
pub const MAX_TEMPERATURE: f64 = 2.0;

const MAX_TOP_K: i64 = 1_000_000;
const MIN_REPETITION: f64 = 0.01;
const MAX_REPETITION: f64 = 10.0;
const MAX_PENALTY: f64 = 2.0;
const MAX_BIAS: f64 = 100.0;

/// How the next token is sampled. For `None`, the model or the engine has a default.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sampling {
    /// 0 always chooses the most likely token.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = MAX_TEMPERATURE)))]
    pub temperature: Option<f32>,
    /// Samples from the most likely tokens that together have this share of the probability.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0, "maximum" = 1)))]
    pub top_p: Option<f32>,
    /// Samples from this number of most likely tokens. -1 and 0 set no limit.
    #[cfg_attr(feature = "schema", schemars(range(min = -1, max = MAX_TOP_K)))]
    pub top_k: Option<u32>,
    /// Excludes tokens that are less likely than this share of the most likely one.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 1.0)))]
    pub min_p: Option<f32>,
    /// Samples from the most typical tokens that together have this share of the probability.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0, "maximum" = 1)))]
    pub typical_p: Option<f32>,
    /// Values above 1 make tokens that already occurred less likely.
    #[cfg_attr(feature = "schema", schemars(range(min = MIN_REPETITION, max = MAX_REPETITION)))]
    pub repetition_penalty: Option<f32>,
    /// Subtracted from the logit of each token that already occurred.
    #[cfg_attr(feature = "schema", schemars(range(min = -MAX_PENALTY, max = MAX_PENALTY)))]
    pub presence_penalty: Option<f32>,
    /// Subtracted from the logit of a token for each of its occurrences.
    #[cfg_attr(feature = "schema", schemars(range(min = -MAX_PENALTY, max = MAX_PENALTY)))]
    pub frequency_penalty: Option<f32>,
    /// Token ids, and the value to add to their logits.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Biases>"))]
    pub logit_bias: Vec<(u32, f32)>,
    /// The same seed, request and worker give the same tokens.
    #[cfg_attr(feature = "schema", schemars(range(min = i64::MIN, max = i64::MAX)))]
    pub seed: Option<i64>,
}

#[cfg(feature = "schema")]
struct Biases;

#[cfg(feature = "schema")]
cortex_domain::inline_schema!(
    Biases,
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": {"type": "number", "minimum": -MAX_BIAS, "maximum": MAX_BIAS},
        "propertyNames": {"pattern": "^[0-9]{1,9}$"},
        "maxProperties": MAX_BIASES,
    })
);

impl Sampling {
    pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        Ok(Self {
            temperature: float(parameters.number("temperature", 0.0, MAX_TEMPERATURE)?),
            top_p: share(parameters, "top_p")?,
            // Other servers use -1 and 0 for no limit.
            top_k: parameters
                .whole("top_k", -1, MAX_TOP_K)?
                .and_then(|k| u32::try_from(k).ok())
                .filter(|k| *k > 0),
            min_p: float(parameters.number("min_p", 0.0, 1.0)?),
            typical_p: share(parameters, "typical_p")?,
            repetition_penalty: float(parameters.number(
                "repetition_penalty",
                MIN_REPETITION,
                MAX_REPETITION,
            )?),
            presence_penalty: float(parameters.number("presence_penalty", -MAX_PENALTY, MAX_PENALTY)?),
            frequency_penalty: float(parameters.number("frequency_penalty", -MAX_PENALTY, MAX_PENALTY)?),
            logit_bias: biases(parameters)?,
            seed: parameters.whole("seed", i64::MIN, i64::MAX)?,
        })
    }
}

/// Reads a share of the probability. It must not be 0, because no token could be chosen.
fn share(parameters: &mut Parameters, name: &str) -> Result<Option<f32>, Problem> {
    match float(parameters.number(name, 0.0, 1.0)?) {
        Some(share) if share <= 0.0 => Err(parameters.must_be(name, "above 0 and at most 1")),
        share => Ok(share),
    }
}

fn biases(parameters: &mut Parameters) -> Result<Vec<(u32, f32)>, Problem> {
    const NAME: &str = "logit_bias";
    let biases = parameters.optional::<BTreeMap<String, f64>>(NAME, "an object of token ids and numbers")?;
    let biases = biases.unwrap_or_default();
    if biases.len() > MAX_BIASES {
        return Err(parameters.wrong(
            NAME,
            format!(
                "invalid `{NAME}`: must have at most {MAX_BIASES} \
            tokens"
            ),
        ));
    }
    let read = biases.into_iter().map(|(token, bias)| match token.parse::<u32>() {
        Err(_) => {
            let detail = format!("invalid `{NAME}`: {} is not the id of a token", quoted(&token));
            Err(parameters.wrong(NAME, detail))
        }
        Ok(_) if !(-MAX_BIAS..=MAX_BIAS).contains(&bias) => Err(parameters.wrong(
            NAME,
            format!("invalid `{NAME}` of token {token}: must be a number from -{MAX_BIAS} to {MAX_BIAS}"),
        )),
        Ok(token) => Ok((token, bias as f32)),
    });
    read.collect()
}

fn float(number: Option<f64>) -> Option<f32> {
    number.map(|number| number as f32)
}
