//! A model's default sampling parameters, from its `generation_config.json`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use cortex_api::generation;
use cortex_sample::Sampling;
use serde::Deserialize;

/// The sampling parameters of a model's `generation_config.json`, for requests that leave them out.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Defaults {
    do_sample: Option<bool>,
    temperature: Option<f32>,
    top_k: Option<u32>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    typical_p: Option<f32>,
    repetition_penalty: Option<f32>,
    #[serde(deserialize_with = "ids")]
    eos_token_id: Vec<u32>,
}

impl Defaults {
    /// Reads `generation_config.json` in a model's folder. Without the file, there are no defaults.
    ///
    /// # Errors
    ///
    /// Returns an error if the file can't be read, or for the reasons of [`Defaults::read`].
    pub fn open(folder: &Path) -> Result<Self, String> {
        const FILE: &str = "generation_config.json";
        match fs::read(folder.join(FILE)) {
            Ok(json) => Self::read(&json).map_err(|why| format!("{FILE}: {why}")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("{FILE}: {error}")),
        }
    }

    /// Reads `generation_config.json`, and ignores other keys.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not valid JSON or a value is out of range.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        let defaults: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let asked = generation::Sampling::default();
        defaults.sampling(&asked, None, 0).check().map_err(|invalid| invalid.to_string())?;
        Ok(defaults)
    }

    /// Returns further tokens that end a text.
    pub fn ends(&self) -> &[u32] {
        &self.eos_token_id
    }

    /// Returns the request's parameters, with the model's defaults for missing ones.
    pub(super) fn sampling(
        &self,
        asked: &generation::Sampling,
        logprobs: Option<u8>,
        usual_seed: u64,
    ) -> Sampling {
        let plain = Sampling::default();
        let greedy = (self.do_sample == Some(false)).then_some(0.0);
        Sampling {
            temperature: asked.temperature.or(greedy).or(self.temperature).unwrap_or(plain.temperature),
            top_k: asked.top_k.or(self.top_k).unwrap_or(plain.top_k),
            top_p: asked.top_p.or(self.top_p).unwrap_or(plain.top_p),
            min_p: asked.min_p.or(self.min_p).unwrap_or(plain.min_p),
            typical_p: asked.typical_p.or(self.typical_p).unwrap_or(plain.typical_p),
            repetition_penalty: asked
                .repetition_penalty
                .or(self.repetition_penalty)
                .unwrap_or(plain.repetition_penalty),
            presence_penalty: asked.presence_penalty.unwrap_or(plain.presence_penalty),
            frequency_penalty: asked.frequency_penalty.unwrap_or(plain.frequency_penalty),
            logit_bias: asked.logit_bias.clone(),
            seed: asked.seed.map_or(usual_seed, i64::cast_unsigned),
            choice: 0,
            logprobs,
        }
    }
}

/// Reads one id, a list of ids, or null.
fn ids<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ids {
        None(()),
        One(u32),
        Many(Vec<u32>),
    }
    Ok(match Ids::deserialize(deserializer)? {
        Ids::None(()) => vec![],
        Ids::One(id) => vec![id],
        Ids::Many(ids) => ids,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_defaults_apply_to_missing_parameters() {
        let file =
            br#"{"temperature": 0.7, "top_k": 20, "eos_token_id": [1, 2], "transformers_version": "4"}"#;
        let defaults = Defaults::read(file).unwrap();
        assert_eq!(defaults.ends(), [1, 2]);
        let asked = generation::Sampling { top_k: Some(3), seed: Some(-1), ..Default::default() };
        let sampling = defaults.sampling(&asked, None, 0);
        assert_eq!((sampling.temperature, sampling.top_k, sampling.seed), (0.7, 3, u64::MAX));
        assert_eq!(Defaults::read(b"{\"eos_token_id\": 7}").unwrap().ends(), [7]);
        assert_eq!(Defaults::read(b"{\"eos_token_id\": null}").unwrap(), Defaults::default());
    }

    #[test]
    fn a_model_without_sampling_is_greedy_unless_the_request_sets_a_temperature() {
        let defaults = Defaults::read(br#"{"do_sample": false, "temperature": 0.7}"#).unwrap();
        let mut asked = generation::Sampling::default();
        assert_eq!(defaults.sampling(&asked, None, 0).temperature, 0.0);
        asked.temperature = Some(1.5);
        assert_eq!(defaults.sampling(&asked, None, 0).temperature, 1.5);
    }

    #[test]
    fn an_invalid_file_is_rejected() {
        for bad in [
            "7",
            "{\"temperature\": \"hot\"}",
            "{\"temperature\": 9}",
            "{\"top_p\": -1}",
            "{\"eos_token_id\": \"x\"}",
        ] {
            assert!(Defaults::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
