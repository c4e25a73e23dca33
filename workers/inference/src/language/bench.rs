//! Measures an engine at given lengths and batch sizes.

use std::time::{Duration, Instant};

use super::{AnswerError, Engine, Event, Request, SubmitError};

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Tokens in each prompt.
    pub prompt: usize,
    /// Tokens in each answer.
    pub tokens: usize,
    /// Concurrent requests.
    pub batch: usize,
}

/// The measured speed, in tokens per second over all requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// Speed of reading new prompts.
    pub prefill: f64,
    /// Speed of answers after cached prompts.
    pub decode: f64,
    /// The mean time from a request with a new prompt to its first token.
    pub first_token: Duration,
}

/// Why a case can't be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(transparent)]
    Refused(#[from] SubmitError),
    #[error(transparent)]
    Failed(#[from] AnswerError),
    #[error("the answer ended without a final event")]
    Gone,
}

/// Measures a case. A different `salt` makes different prompts.
///
/// # Errors
///
/// Returns an error if the engine rejects the requests or fails.
pub async fn measure(engine: &Engine, case: Case, salt: u32) -> Result<Measurement, BenchError> {
    let prompts: Vec<_> =
        (0..case.batch).map(|index| prompt(engine, case.prompt, salt, index as u32)).collect();
    let (prefilled, first) = run(engine, &prompts, 1).await?;
    let (decoded, _) = run(engine, &prompts, case.tokens).await?;
    let rate = |tokens: usize, took: Duration| tokens as f64 / took.as_secs_f64();
    Ok(Measurement {
        prefill: rate(case.batch * case.prompt, prefilled),
        decode: rate(case.batch * case.tokens, decoded),
        first_token: first,
    })
}

/// Runs all prompts at once. Returns the time until the last has ended, and the mean time to a
/// first token.
async fn run(
    engine: &Engine,
    prompts: &[Vec<u32>],
    tokens: usize,
) -> Result<(Duration, Duration), BenchError> {
    let began = Instant::now();
    let mut answers = Vec::with_capacity(prompts.len());
    for prompt in prompts {
        let mut request = Request::new("bench".into(), prompt.clone());
        (request.max_tokens, request.ignore_ends) = (Some(tokens), true);
        answers.push(engine.submit(request).await?);
    }
    let mut first = 0.0;
    for mut events in answers {
        let times = loop {
            match events.recv().await.ok_or(BenchError::Gone)? {
                Event::Ended(end) => break end.receipt.times,
                Event::Failed { error, .. } => return Err(error.into()),
                Event::Text { .. } | Event::Parts { .. } => {}
            }
        };
        first += (times.queue_ms + times.prefill_ms) / 1e3;
    }
    Ok((began.elapsed(), Duration::from_secs_f64(first / prompts.len().max(1) as f64)))
}

/// Returns pseudorandom tokens from the middle of the vocabulary, where no token is special.
fn prompt(engine: &Engine, length: usize, salt: u32, index: u32) -> Vec<u32> {
    let vocabulary = engine.tokenizer().vocabulary() as u64;
    let (low, span) = (vocabulary / 4, (vocabulary / 2).max(1));
    let mut state = (u64::from(salt) << 32 | u64::from(index)).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        // xorshift64 (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (low + state % span) as u32
    };
    (0..length).map(|_| next()).collect()
}
