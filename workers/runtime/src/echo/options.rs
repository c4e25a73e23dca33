//! Options in the input of an echo job.

use std::time::Duration;

use cortex_domain::state::{Failure, FailureKind};
use serde::Deserialize;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The longest delay and the longest pace, in milliseconds.
const MAX_DELAY_MS: u64 = 60_000;
const MAX_FRAMES: u32 = 1_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Options {
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    pub(super) frames: u32,
    #[serde(default)]
    pace_ms: u64,
    /// Whether each frame of a text carries the time at which it was sent.
    #[serde(default)]
    pub(super) stamped: bool,
}

/// Reads the options from an object. Any other input has the default options.
pub(super) fn read(input: &[u8]) -> Result<Options, Failure> {
    if !input.trim_ascii_start().starts_with(b"{") {
        return Ok(Options::default());
    }
    match serde_json::from_slice::<Options>(input) {
        Ok(options) if options.is_bounded() => Ok(options),
        _ => Err(Failure::new(
            FailureKind::InvalidInput,
            format!(
                "invalid echo options: `delay_ms` and `pace_ms` must be whole numbers from 0 to {MAX_DELAY_MS} \
                 (milliseconds), and `frames` a whole number from 0 to {MAX_FRAMES}"
            ),
        )),
    }
}

impl Options {
    pub(super) async fn delay(&self) {
        if self.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.delay_ms)).await;
        }
    }

    pub(super) fn pacer(&self) -> Pacer {
        let pace = Duration::from_millis(self.pace_ms);
        Pacer((!pace.is_zero()).then(|| {
            let mut ticks = interval(pace);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        }))
    }

    fn is_bounded(&self) -> bool {
        self.delay_ms <= MAX_DELAY_MS && self.pace_ms <= MAX_DELAY_MS && self.frames <= MAX_FRAMES
    }
}

/// Waits between frames.
#[derive(Debug)]
pub(super) struct Pacer(Option<Interval>);

impl Pacer {
    pub(super) async fn next(&mut self) {
        if let Some(ticks) = &mut self.0 {
            ticks.tick().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_from_an_object_and_bounded() {
        let delay = |delay_ms| Some(Options { delay_ms, ..Options::default() });
        for (input, wanted) in [
            (r#""text""#, delay(0)),
            (r#"[{"delay_ms": 5}]"#, delay(0)),
            (r#"{"text": "delay_ms"}"#, delay(0)),
            (r#" {"delay_ms": 5, "text": {"delay_ms": 7}}"#, delay(5)),
            (r#"{"delay_ms": 60000}"#, delay(60_000)),
            (
                r#"{"frames": 3, "pace_ms": 2, "stamped": true}"#,
                Some(Options { delay_ms: 0, frames: 3, pace_ms: 2, stamped: true }),
            ),
            (r#"{"delay_ms": 60001}"#, None),
            (r#"{"frames": 1000001}"#, None),
            (r#"{"pace_ms": 60001}"#, None),
            (r#"{"delay_ms": -1}"#, None),
            (r#"{"delay_ms": "5"}"#, None),
        ] {
            assert_eq!(read(input.as_bytes()).ok(), wanted, "{input}");
        }
    }
}
