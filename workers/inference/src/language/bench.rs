//! How fast an engine is, at given lengths and batch sizes.

use std::time::{Duration, Instant};

use super::{AnswerError, Engine, Event, Request, SubmitError};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Tokens of each prompt.
    pub prompt: usize,
    /// Tokens of each answer.
    pub tokens: usize,
    /// Requests at once.
    pub batch: usize,
}

/// How fast it was, in tokens per second over all requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Prompts, none of which was seen before.
    pub prefill: f64,
    /// Answers, after prompts that were.
    pub decode: f64,
    /// From the request to its first token, the mean of those prompts.
    pub first_token: Duration,
}

/// FinishKind a case can't be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(transparent)]
    Refused(#[from] SubmitError),
    #[error(transparent)]
    Failed(#[from] AnswerError),
    #[error("the answer broke off")]
    Gone,
}

/// Measures a case; `salt` makes its prompts unlike those of any other.
///
/// # Errors
/// If the engine refuses the case or fails in it.
pub async fn measure(engine: &Engine, case: Case, salt: u32) -> Result<Measured, BenchError> {
    let prompts: Vec<_> =
        (0..case.batch).map(|index| prompt(engine, case.prompt, salt, index as u32)).collect();
    let (prefilled, first) = run(engine, &prompts, 1).await?;
    let (decoded, _) = run(engine, &prompts, case.tokens).await?;
    let rate = |tokens: usize, took: Duration| tokens as f64 / took.as_secs_f64();
    Ok(Measured {
        prefill: rate(case.batch * case.prompt, prefilled),
        decode: rate(case.batch * case.tokens, decoded),
        first_token: first,
    })
}

/// Runs all prompts at once; gives the time until the last has ended, and the mean until a first token.
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

/// Tokens in no order that means anything, from the middle of the vocabulary, where no token is special.
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
