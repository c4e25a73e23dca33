//! Random logits drive the sampler under a grammar over a real vocabulary; the output must parse
//! and pass an independent validator.
//!
//! Uses a thousand schemas at three temperatures each, in quarters that run concurrently.

#[path = "schemas/mod.rs"]
mod generated;
mod vocabulary;

use std::ops::Range;

use cortex_grammar::{Compiler, Constraint, Limits, Mask, Rule};
use cortex_sample::{Sampler, Sampling};
use generated::Numbers;
use jsonschema::Validator;
use serde_json::Value;

const SCHEMAS: u64 = 1000;
const TEMPERATURES: [f32; 3] = [0.0, 0.8, 1.5];
const MAX_TOKENS: usize = 2000;
/// After this many tokens, the logits begin to favour the end.
const PATIENCE: usize = 24;

struct Model {
    compiler: Compiler,
    tokens: Vec<Vec<u8>>,
    ends: Vec<u32>,
    /// How much each token brings a JSON text closer to its end.
    closing: Vec<f32>,
    noise: Vec<f32>,
    /// What patterns may require before a string can end.
    waited: [usize; 4],
}

macro_rules! quarters {
    ($($test:ident => $quarter:literal,)*) => {
        $(#[test]
        fn $test() {
            every_answer_validates(SCHEMAS / 4 * $quarter..SCHEMAS / 4 * ($quarter + 1));
        })*
    };
}

quarters! {
    every_answer_to_the_first_quarter_of_schemas_validates => 0,
    every_answer_to_the_second_quarter_of_schemas_validates => 1,
    every_answer_to_the_third_quarter_of_schemas_validates => 2,
    every_answer_to_the_last_quarter_of_schemas_validates => 3,
}

fn every_answer_validates(seeds: Range<u64>) {
    let model = Model::new();
    let mut wrong = Vec::new();
    for seed in seeds {
        let schema = generated::generate(seed);
        let validator =
            jsonschema::options().should_validate_formats(true).build(&schema).expect("a sound schema");
        let compiled = model
            .compiler
            .compile(&Rule::JsonSchema(schema.clone()))
            .unwrap_or_else(|error| panic!("schema {seed}: {error}\n{schema:#}"));
        for (round, temperature) in TEMPERATURES.into_iter().enumerate() {
            let answer = model.answer(compiled.clone(), temperature, seed * 3 + round as u64);
            let judged = answer.and_then(|text| validate(&validator, &text));
            wrong.extend(judged.err().map(|why| format!("schema {seed} at {temperature}: {why}\n{schema}")));
        }
    }
    let shown = wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} answers are not valid:\n{shown}", wrong.len());
}

fn validate(validator: &Validator, text: &str) -> Result<(), String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("{error}\n{text}"))?;
    validator.validate(&value).map_err(|error| format!("{error}\n{text}"))
}

impl Model {
    fn new() -> Self {
        let vocabulary = vocabulary::read("ggml-vocab-llama-bpe.gguf");
        let (tokens, ends) = (vocabulary.tokens.clone(), vocabulary.ends.clone());
        let compiler = Compiler::new(vocabulary, Limits::default()).expect("a sound vocabulary");
        let closing = tokens.iter().map(|token| closing(token)).collect();
        let find = |text: &str| tokens.iter().position(|token| token == text.as_bytes());
        let waited = [".com", "@", "x", "ab"].map(|text| find(text).expect("a token"));
        let mut numbers = Numbers(7);
        // Bell-shaped random logits, longer than the vocabulary by a prime, read from a different
        // position at each step.
        let noise = (0..tokens.len() + 104_729)
            .map(|_| {
                (0..4).map(|_| numbers.below(1 << 20) as f32).sum::<f32>() / (1 << 20) as f32 * 8.0 - 16.0
            })
            .collect();
        Self { compiler, tokens, ends, closing, noise, waited }
    }

    /// Generates an answer; fails if it doesn't end.
    fn answer(&self, mut constraint: Constraint, temperature: f32, seed: u64) -> Result<String, String> {
        let mut sampler = Sampler::new(Sampling { temperature, seed, ..Sampling::default() }, &[]);
        let mut numbers = Numbers(seed);
        let mut mask = Mask::new();
        let mut logits = vec![0.0; self.tokens.len()];
        let mut text = Vec::new();
        for step in 0..MAX_TOKENS {
            constraint.mask(&mut mask).unwrap_or_else(|error| {
                panic!("no mask for seed {seed} after {}: {error}", String::from_utf8_lossy(&text))
            });
            let from = numbers.below(104_729) as usize;
            let haste = step.saturating_sub(PATIENCE) as f32 * 0.15;
            for ((logit, noise), closing) in logits.iter_mut().zip(&self.noise[from..]).zip(&self.closing) {
                *logit = noise + closing * haste;
            }
            // Alternates, since a pattern may be waiting for a different one than was favoured
            // last.
            logits[self.waited[step % self.waited.len()]] += 6.0 * haste;
            let token = sampler.sample(&mut logits, Some(mask.words())).expect("a token is allowed").token;
            constraint.accept(token).unwrap_or_else(|error| {
                panic!("seed {seed}, token {token} after {}: {error}", String::from_utf8_lossy(&text))
            });
            if self.ends.contains(&token) {
                return Ok(String::from_utf8(text).expect("whole characters"));
            }
            text.extend_from_slice(&self.tokens[token as usize]);
        }
        let last = &text[text.len().saturating_sub(100)..];
        Err(format!("it doesn't end: ...{:?}", String::from_utf8_lossy(last)))
    }
}

/// Quotes first, as they close strings; then brackets.
fn closing(token: &[u8]) -> f32 {
    match token {
        b"\"" => 8.0,
        b"" | b"}" | b"]" => 3.0,
        _ => -(token.iter().filter(|byte| matches!(byte, b'{' | b'[' | b',' | b'\n')).count() as f32),
    }
}
