//! Schemas from a folder named by `CORTEX_SCHEMAS`, if set: counts how many are rejected, and
//! checks the answers to the rest with an independent validator.

#![expect(clippy::print_stdout, reason = "what was found is what this prints")]

#[path = "schemas/mod.rs"]
#[expect(dead_code, reason = "only its numbers by chance are used here")]
mod generated;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cortex_grammar::{Compiler, ConstraintError, Limits, Mask, Rule, Vocabulary};
use generated::Numbers;
use serde_json::Value;

const END: u32 = 256;
const MAX_TOKENS: usize = 20_000;
const PATIENCE: usize = 40;
const ANSWERS: u64 = 3;

#[test]
fn external_schemas_are_enforced_or_rejected_with_the_reason() {
    let Some(folder) = std::env::var_os("CORTEX_SCHEMAS") else { return };
    let only = std::env::var("CORTEX_SCHEMA").ok();
    let mut tokens: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    tokens.push(Vec::new());
    let vocabulary = Vocabulary { tokens, ends: vec![END], ..Vocabulary::default() };
    let compiler = Compiler::new(vocabulary, Limits::default()).expect("a sound vocabulary");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let (mut rejected, mut wrong, mut slow) =
        (BTreeMap::<String, Vec<String>>::new(), Vec::new(), Vec::new());
    let (mut taken, mut answers, mut broken, mut unended) = (0, 0, 0, 0);
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let Ok(schema) = serde_json::from_slice::<Value>(&std::fs::read(&file).expect("readable")) else {
            continue;
        };
        let Ok(validator) = jsonschema::options().should_validate_formats(true).build(&schema) else {
            continue;
        };
        taken += 1;
        let begun = Instant::now();
        let compiled = compiler.compile(&Rule::JsonSchema(schema));
        let took = begun.elapsed();
        if took > Duration::from_secs(3) {
            slow.push(format!("{name} {took:?}"));
        }
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(error) => {
                let error = error.to_string();
                let kind = error.split([' ', ':']).next().unwrap_or_default().to_owned();
                rejected.entry(kind).or_default().push(format!("{name}: {:.300}", error));
                continue;
            }
        };
        for seed in 0..ANSWERS {
            match answer(compiled.clone(), seed) {
                Ok(text) => {
                    answers += 1;
                    match serde_json::from_str::<Value>(&text) {
                        Err(error) => wrong.push(format!("{name}: {error}: {:.300}", text)),
                        Ok(value) => {
                            if let Err(error) = validator.validate(&value) {
                                wrong.push(format!(
                                    "{name}: {:.300} at {}: {:.400}",
                                    error.to_string(),
                                    error.instance_path(),
                                    text
                                ));
                            }
                        }
                    }
                }
                Err(Some(ConstraintError::Invalid(_))) => broken += 1,
                Err(Some(error)) => wrong.push(format!("{name}: {error}")),
                Err(None) => unended += 1,
            }
        }
    }
    let count: usize = rejected.values().map(Vec::len).sum();
    for (kind, all) in &rejected {
        println!("{} refused for {kind}", all.len());
        all.iter().take(400).for_each(|one| println!("  {one}"));
    }
    wrong.iter().for_each(|one| println!("WRONG {one}"));
    slow.iter().for_each(|one| println!("SLOW {one}"));
    println!(
        "{count} of {taken} refused, {answers} answers, {} wrong, {broken} judged invalid, {unended} without an end",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} answers are wrong", wrong.len());
}

/// Random bytes, which tend towards the end after a while.
fn answer(mut constraint: cortex_grammar::Constraint, seed: u64) -> Result<String, Option<ConstraintError>> {
    let mut numbers = Numbers(seed);
    let mut mask = Mask::new();
    let mut text = Vec::new();
    for step in 0..MAX_TOKENS {
        constraint.mask(&mut mask)?;
        let allowed: Vec<u32> = (0..=END).filter(|&token| mask.allows(token)).collect();
        if allowed.is_empty() {
            return Err(Some(ConstraintError::DeadEnd));
        }
        let ending = [END, u32::from(b'"'), u32::from(b'}'), u32::from(b']')];
        let end = ending.into_iter().find(|token| allowed.contains(token));
        let token = match end {
            Some(end) if step > PATIENCE && numbers.chance(70) => end,
            _ => *numbers.pick(&allowed),
        };
        constraint.accept(token)?;
        if token == END || constraint.is_stopped() {
            text.extend((token != END).then_some(token as u8));
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
        text.push(token as u8);
    }
    Err(None)
}
