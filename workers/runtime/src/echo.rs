//! The engine that answers with what it was sent: for trying things out, and for measuring everything but the
//! model.

use std::time::Duration;

use bytes::Bytes;
use cortex_domain::ports::Answer;
use cortex_domain::state::{Failure, FailureKind};
use cortex_domain::task::Task;
use serde::Deserialize;

use crate::engine::{Context, Engine, Profile};

/// The longest delay that can be asked for.
const LONGEST_DELAY_MS: u64 = 60_000;

/// Answers `job.echo` with its input. An input object may ask for `delay_ms`, up to a minute, before the answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    delay_ms: u64,
}

impl Engine for Echo {
    fn profile(&self) -> Profile {
        Profile {
            kind: "echo",
            pool: "echo".parse().expect("a valid pool"),
            topics: vec!["job.echo".parse().expect("a valid topic")],
            capacity: 64,
            models: vec![],
        }
    }

    fn run(&self, _: Box<Task>, context: Context) -> Answer<'_, Result<Bytes, Failure>> {
        Box::pin(async move {
            let delay = delay(&context.input)?;
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            Ok(context.input)
        })
    }
}

fn delay(input: &[u8]) -> Result<Duration, Failure> {
    if !input.trim_ascii_start().starts_with(b"{") {
        return Ok(Duration::ZERO);
    }
    match serde_json::from_slice::<Options>(input) {
        Ok(options) if options.delay_ms <= LONGEST_DELAY_MS => Ok(Duration::from_millis(options.delay_ms)),
        _ => Err(Failure {
            kind: FailureKind::InvalidInput,
            detail: format!("`delay_ms` is a whole number of milliseconds, at most {LONGEST_DELAY_MS}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_read_from_an_object_and_bounded() {
        for (input, wanted) in [
            (r#""text""#, Some(0)),
            (r#"[{"delay_ms": 5}]"#, Some(0)),
            (r#"{"text": "delay_ms"}"#, Some(0)),
            (r#" {"delay_ms": 5, "text": {"delay_ms": 7}}"#, Some(5)),
            (r#"{"delay_ms": 60000}"#, Some(60_000)),
            (r#"{"delay_ms": 60001}"#, None),
            (r#"{"delay_ms": -1}"#, None),
            (r#"{"delay_ms": "5"}"#, None),
        ] {
            assert_eq!(delay(input.as_bytes()).ok(), wanted.map(Duration::from_millis), "{input}");
        }
    }
}
