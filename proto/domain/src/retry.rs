//! Retries of attempts that failed or were given back.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::id::JobId;
use crate::scatter::{scatter, scatter_bytes};
use crate::state::Attempt;

const BACKOFF: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(60) };

/// How often a job may be given back without having run. The next time, it fails.
pub const MAX_SPARED: u32 = 32;

/// Returns the wait before the attempt after `failed`. It doubles from 200 ms to one minute, spread
/// over the upper half of that time. The spread comes from the job's random bits, so that the rule
/// needs no randomness and jobs that failed together do not retry together.
#[must_use]
pub fn backoff(job: JobId, failed: Attempt) -> Duration {
    BACKOFF.wait(failed.0.max(1), spread(job, failed))
}

/// Returns a number in 0..1 that differs between jobs and attempts.
fn spread(job: JobId, attempt: Attempt) -> f64 {
    let scattered = scatter(scatter_bytes(job.as_bytes()) ^ u64::from(attempt.0));
    f64::from((scattered >> 32) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn backoff_grows_and_is_bounded() {
        let job = JobId::mint(Timestamp::from_millis(1), [5; 10]);
        let mut floor = Duration::ZERO;
        for attempt in 1..40 {
            let wait = backoff(job, Attempt(attempt));
            assert!(wait >= floor && wait <= BACKOFF.longest, "{attempt}: {wait:?}");
            floor = wait / 3;
        }
    }

    #[test]
    fn jobs_that_failed_together_retry_at_different_times() {
        let waits: std::collections::HashSet<_> = (0..100u8)
            .map(|n| backoff(JobId::mint(Timestamp::from_millis(1), [n; 10]), Attempt(3)))
            .collect();
        assert!(waits.len() > 90, "{}", waits.len());
    }
}
