//! How much a tenant's ledger holds at most. What is beyond a bound is refused; of idempotency keys the oldest go, since the
//! origin remembers them too.

use std::str::FromStr;
use std::time::Duration;

use cortex_api::Problem;
use cortex_api::body::MAX_BODY;
use cortex_domain::ErrorCode;
use serde::{Deserialize, Serialize};

use super::jobs::Waiting;

/// When to try again where the origin has to take jobs first.
const RETRY: Duration = Duration::from_secs(30);

/// The bounds of one ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bounds {
    /// Jobs that wait for the origin.
    pub(crate) jobs: u64,
    /// Bytes of the bodies of those jobs.
    pub(crate) bytes: u64,
    /// Idempotency keys that are remembered.
    pub(crate) idempotency: u64,
    /// API keys, revoked ones included, since their epochs must be remembered.
    pub(crate) keys: u64,
}

/// What there is a bound to that refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    Jobs,
    Bytes,
    Keys,
}

/// The ledger holds as much as it may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Full {
    pub(crate) bound: Bound,
    pub(crate) most: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { jobs: 10_000, bytes: 256 << 20, idempotency: 50_000, keys: 10_000 }
    }
}

impl Bounds {
    /// Returns what waits once a job with a body of so many bytes waits too.
    pub(super) fn with_job(&self, waiting: Waiting, bytes: u64) -> Result<Waiting, Full> {
        let after =
            Waiting { jobs: waiting.jobs.saturating_add(1), bytes: waiting.bytes.saturating_add(bytes) };
        if after.jobs > self.jobs {
            return Err(Full { bound: Bound::Jobs, most: self.jobs });
        }
        if after.bytes > self.bytes {
            return Err(Full { bound: Bound::Bytes, most: self.bytes });
        }
        Ok(after)
    }

    /// Refuses one more API key beside so many.
    pub(super) fn with_key(&self, keys: u64) -> Result<(), Full> {
        if keys < self.keys { Ok(()) } else { Err(Full { bound: Bound::Keys, most: self.keys }) }
    }

    /// Returns how many of so many idempotency keys are to be forgotten: none within the bound. Beyond it some more than
    /// need be, so that they are not counted again for each new one.
    pub(super) fn forgotten(&self, idempotency: u64) -> u64 {
        let kept = self.idempotency - self.idempotency / 16;
        if idempotency > self.idempotency { idempotency - kept } else { 0 }
    }
}

impl FromStr for Bounds {
    type Err = &'static str;

    /// Reads `jobs=10000,bytes=268435456,idempotency=50000,keys=10000`. What is not named keeps its default.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "it reads `jobs=N,bytes=N,idempotency=N,keys=N`, in any part, with N at least 1";
        let mut bounds = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, number) = part.split_once('=').ok_or(FORM)?;
            let bound = match name {
                "jobs" => &mut bounds.jobs,
                "bytes" => &mut bounds.bytes,
                "idempotency" => &mut bounds.idempotency,
                "keys" => &mut bounds.keys,
                _ => return Err(FORM),
            };
            *bound = number.parse().ok().filter(|number| *number > 0).ok_or(FORM)?;
        }
        if usize::try_from(bounds.bytes).is_ok_and(|bytes| bytes < MAX_BODY) {
            return Err("`bytes` has no room for one body (expected 1048576 or more)");
        }
        Ok(bounds)
    }
}

impl From<Full> for Problem {
    fn from(Full { bound, most }: Full) -> Self {
        let problem = match bound {
            Bound::Jobs => Self::new(
                ErrorCode::Overloaded,
                format!(
                    "this tenant has {most} jobs that wait for the origin, which is the limit; try again later"
                ),
            )
            .retry_after(RETRY),
            Bound::Bytes => Self::new(
                ErrorCode::Overloaded,
                format!(
                    "this tenant's jobs that wait for the origin may hold {most} bytes; try again later"
                ),
            )
            .retry_after(RETRY),
            Bound::Keys => Self::new(
                ErrorCode::Conflict,
                format!("this tenant has {most} keys, which is the limit (revoked keys count)"),
            ),
        };
        problem.with("limit", most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { jobs: 2, bytes: 100, idempotency: 40, keys: 3 };

    fn waiting(jobs: u64, bytes: u64) -> Waiting {
        Waiting { jobs, bytes }
    }

    #[test]
    fn jobs_and_the_bytes_of_their_bodies_reach_their_bounds_and_not_beyond() {
        assert_eq!(BOUNDS.with_job(waiting(0, 0), 100), Ok(waiting(1, 100)));
        assert_eq!(BOUNDS.with_job(waiting(1, 60), 40), Ok(waiting(2, 100)));
        assert_eq!(BOUNDS.with_job(waiting(2, 0), 0), Err(Full { bound: Bound::Jobs, most: 2 }));
        for (has, more) in [(60, 41), (100, 1), (0, u64::MAX)] {
            let full = BOUNDS.with_job(waiting(1, has), more);
            assert_eq!(full, Err(Full { bound: Bound::Bytes, most: 100 }), "{has} {more}");
        }
    }

    #[test]
    fn keys_reach_their_bound_and_not_beyond() {
        assert_eq!([0, 2].map(|keys| BOUNDS.with_key(keys)), [Ok(()); 2]);
        assert_eq!([3, 4].map(|keys| BOUNDS.with_key(keys)), [Err(Full { bound: Bound::Keys, most: 3 }); 2]);
    }

    #[test]
    fn beyond_their_bound_the_oldest_idempotency_keys_are_forgotten() {
        assert_eq!([0, 39, 40, 41, 50].map(|keys| BOUNDS.forgotten(keys)), [0, 0, 0, 3, 12]);
        let few = Bounds { idempotency: 2, ..BOUNDS };
        assert_eq!([2, 3].map(|keys| few.forgotten(keys)), [0, 1]);
    }

    #[test]
    fn bounds_are_read_in_any_part_and_nothing_else_is() {
        assert_eq!("".parse(), Ok(Bounds::default()));
        let some = Bounds { jobs: 3, bytes: 2_000_000, ..Bounds::default() };
        assert_eq!(" jobs=3, bytes=2000000,".parse(), Ok(some));
        for bad in ["jobs", "jobs=", "jobs=0", "jobs=-1", "job=1", "keys=1;jobs=1", "bytes=1000"] {
            assert!(bad.parse::<Bounds>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_names_the_bound_and_says_when_to_try_again_where_that_helps() {
        for (bound, kind, wait) in [
            (Bound::Jobs, ErrorCode::Overloaded, Some(RETRY)),
            (Bound::Bytes, ErrorCode::Overloaded, Some(RETRY)),
            (Bound::Keys, ErrorCode::Conflict, None),
        ] {
            let problem = Problem::from(Full { bound, most: 7 });
            assert_eq!((problem.kind, problem.wait()), (kind, wait));
            assert_eq!(problem.extensions["limit"], 7);
            assert!(problem.detail.contains('7'), "{}", problem.detail);
        }
    }
}
