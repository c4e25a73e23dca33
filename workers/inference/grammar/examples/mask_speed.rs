//! Prints how much processor time masks take over a real vocabulary of 128,256 tokens:
//! `CORTEX_TEST_DATA=... cargo run --release -p cortex-grammar --example mask_speed`.
#![allow(clippy::print_stdout)]

#[path = "../tests/vocabulary/mod.rs"]
mod vocabulary;

use std::error::Error;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use cortex_grammar::{Compiler, Limits, Mask, Rule};
use serde_json::json;

/// Answers that a model could give, so that the masks are those of realistic text.
fn cases() -> Vec<(&'static str, Rule, String)> {
    let person = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"}, "age": {"type": "integer", "minimum": 0, "maximum": 150},
            "email": {"type": "string", "format": "email"}, "tags": {"type": "array", "items": {"type": "string"}},
            "address": {
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}, "zip": {"type": "string", "pattern": "^\\d{5}$"}},
                "required": ["street", "city", "zip"], "additionalProperties": false,
            },
            "score": {"type": "number"}, "kind": {"enum": ["user", "admin", "guest"]},
        },
        "required": ["name", "age", "email", "tags", "address", "score", "kind"], "additionalProperties": false,
    });
    let text = "The quick brown fox jumps over the lazy dog, and then, without a word of warning, over the fence as well. ";
    let one = json!({
        "name": "Ada Lovelace", "age": 36, "email": "ada@example.com", "tags": ["mathematics", "engines"],
        "address": {"street": "12 St James's Square", "city": "London", "zip": "12345"}, "score": 98.5, "kind": "admin",
    });
    let free = json!({"summary": text.repeat(4), "list": [1, 2.5, true, null, {"a": "b"}], "nested": {"deep": {"deeper": [[], {}]}}});
    vec![
        ("json_schema, a record", Rule::JsonSchema(person), one.to_string()),
        ("json_object", Rule::JsonObject, free.to_string()),
        (
            "json_schema, long text",
            Rule::JsonSchema(
                json!({"type": "object", "properties": {"text": {"type": "string", "maxLength": 2000}}, "required": ["text"]}),
            ),
            json!({"text": text.repeat(8)}).to_string(),
        ),
        (
            "regex",
            Rule::Regex("(yes|no), because [a-z ,]{10,400}\\.".to_owned()),
            "yes, because it is the only answer that leaves nothing out of what was asked, and asked again."
                .to_owned(),
        ),
    ]
}

/// Consecutive answers under each rule.
const ANSWERS: u32 = 10;

#[derive(Default)]
struct TotalTime {
    masks: u32,
    spent: Duration,
    slowest: Duration,
}

impl TotalTime {
    fn add(&mut self, taken: Duration) {
        self.masks += 1;
        self.spent += taken;
        self.slowest = self.slowest.max(taken);
    }

    fn mean(&self) -> f64 {
        micros(self.spent) / f64::from(self.masks)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let vocabulary = vocabulary::read("ggml-vocab-llama-bpe.gguf");
    let tokens = vocabulary.tokens.clone();
    let start = Instant::now();
    let compiler = Compiler::new(vocabulary, Limits::default())?;
    println!(
        "{} tokens, prepared in {:.2} s; {ANSWERS} answers under each rule",
        tokens.len(),
        start.elapsed().as_secs_f64()
    );
    println!(
        "{:26} {:>6} {:>9} {:>13} {:>9} {:>11}",
        "rule", "masks", "mean us", "first answer", "slowest", "compiled ms"
    );
    let mut json = TotalTime::default();
    for (name, rule, text) in cases() {
        let start = Instant::now();
        drop(compiler.compile(&rule)?);
        let compiled = start.elapsed();
        let (mut first, mut all) = (TotalTime::default(), TotalTime::default());
        // Each answer gets the lexer as the previous answers left it.
        for answer in 0..ANSWERS {
            let mut constraint = compiler.compile(&rule)?;
            let mut mask = Mask::new();
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let start = processor_time();
                constraint.mask(&mut mask)?;
                let taken = processor_time() - start;
                all.add(taken);
                if answer == 0 {
                    first.add(taken);
                }
                if !matches!(rule, Rule::Regex(_)) {
                    json.add(taken);
                }
                let token = longest(&tokens, rest, &mask).ok_or("the answer doesn't fit")?;
                constraint.accept(token)?;
                rest = &rest[tokens[token as usize].len()..];
            }
        }
        println!(
            "{name:26} {:6} {:9.1} {:13.1} {:9.1} {:11.1}",
            all.masks,
            all.mean(),
            first.mean(),
            micros(all.slowest),
            micros(compiled) / 1e3
        );
    }
    println!("{:26} {:6} {:9.1}", "all JSON", json.masks, json.mean());
    Ok(())
}

/// Uses this thread's time, so that other work on the machine isn't counted.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn longest(tokens: &[Vec<u8>], text: &[u8], mask: &Mask) -> Option<u32> {
    let fits = |token: &u32| {
        let bytes = &tokens[*token as usize];
        !bytes.is_empty() && text.starts_with(bytes) && mask.allows(*token)
    };
    (0..tokens.len() as u32).filter(fits).max_by_key(|token| tokens[*token as usize].len())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
