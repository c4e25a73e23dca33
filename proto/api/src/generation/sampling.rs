//! How the next token is chosen.

use std::collections::BTreeMap;

use crate::parameters::Parameters;
use crate::problem::Problem;
use cortex_redact::quoted;

/// The most tokens that a request may make likelier or less likely.
pub const MAX_BIASES: usize = 1024;
/// The highest temperature.
pub const MAX_TEMPERATURE: f64 = 2.0;

/// How the next token is chosen; what is `None` is the model's or the engine's to say.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sampling {
    /// 0 to 2; 0 always takes the likeliest.
    pub temperature: Option<f32>,
    /// Above 0, at most 1.
    pub top_p: Option<f32>,
    /// The likeliest so many.
    pub top_k: Option<u32>,
    /// 0 to 1.
    pub min_p: Option<f32>,
    /// Above 0, at most 1.
    pub typical_p: Option<f32>,
    /// Above 0, at most 10.
    pub repetition_penalty: Option<f32>,
    /// -2 to 2.
    pub presence_penalty: Option<f32>,
    /// -2 to 2.
    pub frequency_penalty: Option<f32>,
    /// Token ids with what is added to their logits, -100 to 100.
    pub logit_bias: Vec<(u32, f32)>,
    pub seed: Option<i64>,
}

impl Sampling {
    pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        Ok(Self {
            temperature: float(parameters.number("temperature", 0.0, MAX_TEMPERATURE)?),
            top_p: share(parameters, "top_p")?,
            // -1 and 0 are others' words for no such limit.
            top_k: parameters
                .whole("top_k", -1, 1_000_000)?
                .and_then(|k| u32::try_from(k).ok())
                .filter(|k| *k > 0),
            min_p: float(parameters.number("min_p", 0.0, 1.0)?),
            typical_p: share(parameters, "typical_p")?,
            repetition_penalty: float(parameters.number("repetition_penalty", 0.01, 10.0)?),
            presence_penalty: float(parameters.number("presence_penalty", -2.0, 2.0)?),
            frequency_penalty: float(parameters.number("frequency_penalty", -2.0, 2.0)?),
            logit_bias: biases(parameters)?,
            seed: parameters.whole("seed", i64::MIN, i64::MAX)?,
        })
    }
}

/// A share of the probability: of none of it nothing can be chosen.
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
        return Err(parameters.wrong(NAME, format!("`{NAME}` must have at most {MAX_BIASES} tokens")));
    }
    let read =
        biases.into_iter().map(|(token, bias)| match token.parse::<u32>() {
            Err(_) => {
                let detail = format!("`{NAME}` names tokens by their ids: {} is none", quoted(&token));
                Err(parameters.wrong(NAME, detail))
            }
            Ok(_) if !(-100.0..=100.0).contains(&bias) => Err(parameters
                .wrong(NAME, format!("`{NAME}` of token {token} must be a number from -100 to 100"))),
            Ok(token) => Ok((token, bias as f32)),
        });
    read.collect()
}

fn float(number: Option<f64>) -> Option<f32> {
    number.map(|number| number as f32)
}
