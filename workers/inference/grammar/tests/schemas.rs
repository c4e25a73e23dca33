//! Random logits drive the sampler under a grammar over a real vocabulary; what comes out must parse and validate with an
//! independent validator.
//!
//! `CORTEX_TEST_SCHEMAS` says how many schemas are tried, at three temperatures each; 1000 is the whole proof.

#![allow(clippy::print_stdout)]

#[path = "schemas/mod.rs"]
mod generated;
mod vocabulary;

use cortex_grammar::{Compiler, Constraint, Limits, Mask, Rule};
use cortex_sample::{Sampler, Sampling};
use generated::Numbers;
use serde_json::Value;

/// A share that CI has time for.
const SCHEMAS: u64 = 60;
const MOST_TOKENS: usize = 2000;
/// Tokens after which the logits begin to lean towards the end.
const PATIENCE: usize = 24;

struct Model {
    compiler: Compiler,
    tokens: Vec<Vec<u8>>,
    ends: Vec<u32>,
    /// Per token, how much it brings a JSON text nearer to its end.
    closing: Vec<f32>,
    noise: Vec<f32>,
}

#[derive(Debug, Default)]
struct Tally {
    valid: usize,
    cut: usize,
    tokens: usize,
    invalid: Vec<String>,
}

#[test]
fn every_finished_answer_validates() {
    let count = std::env::var("CORTEX_TEST_SCHEMAS")
        .ok()
        .map_or(SCHEMAS, |text| text.parse().expect("a number of schemas"));
    let model = Model::new();
    let mut tally = Tally::default();
    for seed in 0..count {
        let schema = generated::generate(seed);
        let validator =
            jsonschema::options().should_validate_formats(true).build(&schema).expect("a sound schema");
        let rule = Rule::JsonSchema(schema.clone());
        let compiled = model
            .compiler
            .compile(&rule)
            .unwrap_or_else(|error| panic!("schema {seed}: {error}\n{schema:#}"));
        for (round, temperature) in [0.0, 0.8, 1.5].into_iter().enumerate() {
            let (text, finished) =
                model.answer(compiled.clone(), temperature, seed * 3 + round as u64, &mut tally);
            if !finished {
                tally.cut += 1;
                let end: String =
                    text.chars().rev().take(100).collect::<Vec<_>>().into_iter().rev().collect();
                println!("cut: schema {seed} at {temperature}: ...{end:?}\n{schema}");
                continue;
            }
            match serde_json::from_str::<Value>(&text) {
                Ok(value) if validator.is_valid(&value) => tally.valid += 1,
                Ok(value) => {
                    let error = validator.iter_errors(&value).next().map(|error| error.to_string());
                    tally
                        .invalid
                        .push(format!("schema {seed} at {temperature}: {error:?}\n{text}\n{schema}"));
                }
                Err(error) => {
                    tally.invalid.push(format!("schema {seed} at {temperature}: {error}\n{text}\n{schema}"))
                }
            }
        }
    }
    let shown = tally.invalid.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(tally.invalid.is_empty(), "{} answers are not valid:\n{shown}", tally.invalid.len());
    let summary = format!("{} valid, {} cut, {} tokens", tally.valid, tally.cut, tally.tokens);
    assert!(tally.cut * 20 <= tally.valid, "too many answers were cut: {summary}");
    if let Ok(path) = std::env::var("CORTEX_TEST_SUMMARY") {
        std::fs::write(path, summary).expect("the summary is written");
    }
}

impl Model {
    fn new() -> Self {
        let vocabulary = vocabulary::read("ggml-vocab-llama-bpe.gguf");
        let (tokens, ends) = (vocabulary.tokens.clone(), vocabulary.ends.clone());
        let compiler = Compiler::new(vocabulary, Limits::default()).expect("a sound vocabulary");
        let closing = tokens.iter().map(|token| closing(token)).collect();
        let mut numbers = Numbers(7);
        // A bell of random logits, longer than the vocabulary by a prime, read from another place at each step.
        let noise = (0..tokens.len() + 104_729)
            .map(|_| {
                (0..4).map(|_| numbers.below(1 << 20) as f32).sum::<f32>() / (1 << 20) as f32 * 8.0 - 16.0
            })
            .collect();
        Self { compiler, tokens, ends, closing, noise }
    }

    fn answer(
        &self,
        mut constraint: Constraint,
        temperature: f32,
        seed: u64,
        tally: &mut Tally,
    ) -> (String, bool) {
        let mut sampler = Sampler::new(Sampling { temperature, seed, ..Sampling::default() }, &[]);
        let mut numbers = Numbers(seed);
        let mut mask = Mask::new();
        let mut logits = vec![0.0; self.tokens.len()];
        let mut text = Vec::new();
        for step in 0..MOST_TOKENS {
            constraint.mask(&mut mask).unwrap_or_else(|error| {
                panic!("no mask for seed {seed} after {}: {error}", String::from_utf8_lossy(&text))
            });
            let from = numbers.below(104_729) as usize;
            let haste = step.saturating_sub(PATIENCE) as f32 * 0.15;
            for ((logit, noise), closing) in logits.iter_mut().zip(&self.noise[from..]).zip(&self.closing) {
                *logit = noise + closing * haste;
            }
            let token = sampler.sample(&mut logits, Some(mask.words())).expect("a token is allowed").token;
            tally.tokens += 1;
            constraint.accept(token).unwrap_or_else(|error| {
                panic!("seed {seed}, token {token} after {}: {error}", String::from_utf8_lossy(&text))
            });
            if self.ends.contains(&token) {
                return (String::from_utf8(text).expect("whole characters"), true);
            }
            text.extend_from_slice(&self.tokens[token as usize]);
        }
        (String::from_utf8_lossy(&text).into_owned(), false)
    }
}

/// Quotes first, as they close strings; what some patterns wait for before brackets, which strings may hold too.
fn closing(token: &[u8]) -> f32 {
    match token {
        b"\"" => 8.0,
        b".com" => 3.5,
        b"@" => 5.0,
        b"x" | b"ab" => 4.0,
        b"" | b"}" | b"]" => 3.0,
        _ => -(token.iter().filter(|byte| matches!(byte, b'{' | b'[' | b',' | b'\n')).count() as f32),
    }
}
