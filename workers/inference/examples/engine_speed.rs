//! Measures how a batch, a cached prompt and a grammar change the speed of the language engine:
//! `engine_speed MODEL [THREADS] [ROUNDS]`.
//!
//! The model is a folder or a GGUF file. A file without a vocabulary, such as those of the example
//! `speed` of cortex-transformer, gets an artificial one.

use std::error::Error;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use cortex_grammar::Rule;
use cortex_inference::Device;
use cortex_inference::language::{
    ComputeDevice, Engine, Event, Grammar, Identity, LoadError, LoadOptions, PlacedModel, Request, Settings,
    StopReason, load,
};
use cortex_tokens::Tokenizer;
use cortex_transformer::{Model, Options};
use serde_json::{Map, Value, json};

/// Tokens that the prompts share, and that each has after them.
const SHARED: usize = 2000;
const OWN: usize = 16;
const BATCH: usize = 8;
/// Tokens of each prompt and of each answer in the batch. A prompt has one token more than whole
/// blocks. All but that one are cached after the first time, so that only the answer is measured.
const PROMPT: usize = 129;
const ANSWER: usize = 48;

type BoxError = Box<dyn Error>;

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout)]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, rest @ ..] = arguments.as_slice() else {
        return Err("usage: engine_speed MODEL [THREADS] [ROUNDS]".into());
    };
    let threads: NonZeroUsize = rest.first().map_or("2", String::as_str).parse()?;
    let rounds: usize = rest.get(1).map_or("5", String::as_str).parse()?;
    let engine = open(Path::new(model), threads)?;

    println!("round  decode alone t/s  at {BATCH} t/s     gain  with a schema t/s  of the free rate");
    let prompts: Vec<_> = (0..BATCH).map(|n| tokens(&engine, PROMPT, n as u64 + 1)).collect();
    decode(&engine, &prompts, None).await?;
    decode(&engine, &prompts, Some(schema())).await?;
    let (mut gains, mut ratios) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // The order alternates, so that a drifting machine favours neither.
        let (free, bound) = if round.is_multiple_of(2) {
            let free = decode(&engine, &prompts, None).await?;
            (free, decode(&engine, &prompts, Some(schema())).await?)
        } else {
            let bound = decode(&engine, &prompts, Some(schema())).await?;
            (decode(&engine, &prompts, None).await?, bound)
        };
        let alone = decode(&engine, &prompts[..1], None).await?;
        println!(
            "{round:5} {alone:17.1} {free:9.1} {:7.2}x {bound:18.1} {:16.3}x",
            free / alone,
            bound / free
        );
        gains.push(free / alone);
        ratios.push(bound / free);
    }
    for (what, figures) in [("gains", &mut gains), ("rates with a schema", &mut ratios)] {
        figures.sort_by(f64::total_cmp);
        println!("median of the {what}: {:.3}", figures[figures.len() / 2]);
    }

    let shared = tokens(&engine, SHARED, 1 << 32);
    let prompt = |own: u64| [shared.clone(), tokens(&engine, OWN, own)].concat();
    let cold = first_token(&engine, prompt(100)).await?;
    println!("first token of {} tokens: {:.0} ms, {} of them known", SHARED + OWN, cold.0, cold.1);
    for round in 0..rounds {
        let warm = first_token(&engine, prompt(101 + round as u64)).await?;
        println!("with {} of them known: {:.0} ms, {:.1} times as soon", warm.1, warm.0, cold.0 / warm.0);
    }
    engine.stop().await;
    Ok(())
}

fn open(path: &Path, threads: NonZeroUsize) -> Result<Engine, BoxError> {
    let options = LoadOptions { device: Device::Cpu, threads, ..LoadOptions::new("speed") };
    match load(path, &options, &mut |_| {}) {
        Err(LoadError::Tokenizer { .. }) => {}
        loaded => return Ok(loaded?),
    }
    let place = ComputeDevice::open(Device::Cpu, None)?;
    let model = Model::open(path, &Options { threads, context: None }, &mut |_| ControlFlow::Continue(()))?;
    let tokenizer = words(model.shape().vocabulary)?;
    let identity = Identity {
        model: "speed".into(),
        sha256: None,
        quantisation: model.description().quantisation.into(),
        device: place.device().to_string(),
        dtype: place.dtype().to_string(),
    };
    let settings = Settings::default();
    let placed = PlacedModel::new(model, &place, None, settings.running, &mut |_| ControlFlow::Continue(()))?;
    Ok(Engine::start(placed, tokenizer, identity, &settings)?)
}

/// Returns a vocabulary of `count` tokens: printable ASCII, an end token, and words of letters.
fn words(count: usize) -> Result<Tokenizer, BoxError> {
    let letters = (0x21..0x7f_u8).map(|byte| char::from(byte).to_string());
    let word = |number: usize| -> String {
        let letter = |power| char::from(b'a' + (number / power % 26) as u8);
        // GPT-2's spelling of a space.
        let before = if number.is_multiple_of(2) { "\u{120}" } else { "" };
        before.chars().chain([letter(1), letter(26), letter(676), letter(17_576)]).collect()
    };
    let end = count - 1;
    let all = letters.chain(["\u{120}".into()]).chain((0..).map(word)).take(end).zip(0..);
    let vocabulary: Map<_, _> =
        all.map(|(text, id)| (text, Value::from(id))).chain([("</s>".into(), end.into())]).collect();
    let byte_level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let file = json!({
        "version": "1.0", "normalizer": null, "pre_tokenizer": byte_level, "decoder": byte_level, "post_processor": null,
        "added_tokens": [{
            "id": end, "content": "</s>", "special": true, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false,
        }],
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    });
    let config = json!({"eos_token": "</s>"});
    Ok(Tokenizer::from_hugging_face(file.to_string().as_bytes(), Some(config.to_string().as_bytes()), &[])?)
}

/// Returns a schema whose answers are longer than any answer here.
fn schema() -> Grammar {
    let person = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"}, "age": {"type": "integer"}, "kind": {"enum": ["user", "admin", "guest"]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["name", "age", "kind", "tags"], "additionalProperties": false,
    });
    let people = json!({"type": "array", "items": person, "minItems": ANSWER});
    Grammar { rule: Rule::JsonSchema(people), after: None, on: None }
}

/// Returns the tokens per second of answers to all prompts at once.
async fn decode(engine: &Engine, prompts: &[Vec<u32>], grammar: Option<Grammar>) -> Result<f64, BoxError> {
    let mut answers = Vec::new();
    let start = Instant::now();
    for (seed, prompt) in prompts.iter().enumerate() {
        let mut request = Request::new("speed".into(), prompt.clone());
        (request.max_tokens, request.ignore_ends, request.grammar) = (Some(ANSWER), true, grammar.clone());
        request.sampling.seed = seed as u64;
        answers.push(engine.submit(request).await?);
    }
    for mut events in answers {
        loop {
            match events.recv().await.ok_or("the answer broke off")? {
                Event::Ended(end) if end.reason == StopReason::Length => break,
                Event::Ended(end) => return Err(format!("an answer ended early: {:?}", end.reason).into()),
                Event::Failed { error, .. } => return Err(error.into()),
                Event::Text { .. } | Event::Parts { .. } => {}
            }
        }
    }
    Ok((prompts.len() * ANSWER) as f64 / start.elapsed().as_secs_f64())
}

/// Returns the milliseconds to the first token, and how many tokens of the prompt were cached.
async fn first_token(engine: &Engine, prompt: Vec<u32>) -> Result<(f64, usize), BoxError> {
    let mut request = Request::new("speed".into(), prompt);
    (request.max_tokens, request.ignore_ends) = (Some(1), true);
    let mut events = engine.submit(request).await?;
    loop {
        match events.recv().await.ok_or("the answer broke off")? {
            Event::Ended(end) => {
                let times = end.receipt.times;
                return Ok((times.queue_ms + times.prefill_ms, end.usage.cached_tokens));
            }
            Event::Failed { error, .. } => return Err(error.into()),
            Event::Text { .. } | Event::Parts { .. } => {}
        }
    }
}

/// Returns pseudorandom tokens from the middle of the vocabulary.
fn tokens(engine: &Engine, count: usize, salt: u64) -> Vec<u32> {
    let span = engine.tokenizer().vocabulary() as u64 / 2;
    let mut state = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (span / 2 + state % span) as u32
    };
    (0..count).map(|_| next()).collect()
}
