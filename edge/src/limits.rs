//! The limits of a tenant's ledger. The ledger rejects what exceeds a limit, except idempotency
//! keys. It deletes the oldest of those, because the origin stores them too.

use std::str::FromStr;
use std::time::Duration;

use cortex_api::Problem;
use cortex_api::routes::BodyLimit;
use cortex_domain::ErrorCode;
use serde::{Deserialize, Serialize};

/// When a caller may try again if the origin has to accept jobs first.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(30);

/// The jobs in one ledger that wait for the origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub(crate) struct LedgerUsage {
    pub(crate) jobs: u64,
    /// The size of their bodies in bytes.
    pub(crate) bytes: u64,
}

impl LedgerUsage {
    /// Returns the usage without one job and the bytes of its body.
    pub(crate) fn without(self, bytes: u64) -> Self {
        Self { jobs: self.jobs.saturating_sub(1), bytes: self.bytes.saturating_sub(bytes) }
    }
}

/// The limits of one ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// Maximum number of jobs that wait for the origin.
    pub(crate) jobs: u64,
    /// Maximum size of the bodies of those jobs, in bytes.
    pub(crate) bytes: u64,
    /// Maximum number of stored idempotency keys.
    pub(crate) idempotency: u64,
    /// Maximum number of API keys, including revoked ones, because their epochs must be kept.
    pub(crate) keys: u64,
}

/// A limit at which the ledger rejects requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    Jobs,
    Bytes,
    Keys,
}

/// The ledger has reached a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Full {
    pub(crate) limit: Limit,
    pub(crate) most: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { jobs: 10_000, bytes: 256 << 20, idempotency: 50_000, keys: 10_000 }
    }
}

impl Limits {
    /// Returns the usage with one more job and the bytes of its body.
    pub(crate) fn with_job(&self, held: LedgerUsage, bytes: u64) -> Result<LedgerUsage, Full> {
        let after =
            LedgerUsage { jobs: held.jobs.saturating_add(1), bytes: held.bytes.saturating_add(bytes) };
        if after.jobs > self.jobs {
            return Err(Full { limit: Limit::Jobs, most: self.jobs });
        }
        if after.bytes > self.bytes {
            return Err(Full { limit: Limit::Bytes, most: self.bytes });
        }
        Ok(after)
    }

    /// Checks that one more API key is allowed.
    pub(crate) fn with_key(&self, keys: u64) -> Result<(), Full> {
        if keys < self.keys { Ok(()) } else { Err(Full { limit: Limit::Keys, most: self.keys }) }
    }

    /// Returns how many idempotency keys to delete. Beyond the limit it is more than necessary, so
    /// that the keys are not counted again for each new one.
    pub(crate) fn forgotten(&self, idempotency: u64) -> u64 {
        let kept = self.idempotency - self.idempotency / 16;
        if idempotency > self.idempotency { idempotency - kept } else { 0 }
    }
}

impl FromStr for Limits {
    type Err = &'static str;

    /// Parses `jobs=10000,bytes=268435456,idempotency=50000,keys=10000`. Missing limits keep their
    /// defaults.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "expected `jobs=N,bytes=N,idempotency=N,keys=N` or some of these, with N \
            at least 1";
        let mut limits = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, number) = part.split_once('=').ok_or(FORM)?;
            let limit = match name {
                "jobs" => &mut limits.jobs,
                "bytes" => &mut limits.bytes,
                "idempotency" => &mut limits.idempotency,
                "keys" => &mut limits.keys,
                _ => return Err(FORM),
            };
            *limit = number.parse().ok().filter(|number| *number > 0).ok_or(FORM)?;
        }
        if usize::try_from(limits.bytes).is_ok_and(|bytes| bytes < BodyLimit::Job.bytes()) {
            return Err("`bytes` is smaller than one body (expected 1048576 or more)");
        }
        Ok(limits)
    }
}

impl From<Full> for Problem {
    fn from(Full { limit, most }: Full) -> Self {
        let problem = match limit {
            Limit::Jobs => Self::new(
                ErrorCode::Overloaded,
                format!(
                    "the tenant has {most} jobs waiting for the origin, which is the limit: try \
                        again later"
                ),
            )
            .retry_after(FULL_RETRY_AFTER),
            Limit::Bytes => Self::new(
                ErrorCode::Overloaded,
                format!(
                    "the tenant's jobs waiting for the origin would hold more than the limit of \
                        {most} bytes: try again later"
                ),
            )
            .retry_after(FULL_RETRY_AFTER),
            Limit::Keys => Self::new(
                ErrorCode::Conflict,
                format!(
                    "the tenant has {most} keys, which is the limit, and revoked keys count too: ask the \
                        operator to raise `CORTEX_LEDGER_LIMITS`"
                ),
            ),
        };
        problem.with("limit", most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { jobs: 2, bytes: 100, idempotency: 40, keys: 3 };

    fn held(jobs: u64, bytes: u64) -> LedgerUsage {
        LedgerUsage { jobs, bytes }
    }

    #[test]
    fn jobs_and_the_bytes_of_their_bodies_reach_their_limits_and_not_beyond() {
        assert_eq!(LIMITS.with_job(held(0, 0), 100), Ok(held(1, 100)));
        assert_eq!(LIMITS.with_job(held(1, 60), 40), Ok(held(2, 100)));
        assert_eq!(LIMITS.with_job(held(2, 0), 0), Err(Full { limit: Limit::Jobs, most: 2 }));
        for (has, more) in [(60, 41), (100, 1), (0, u64::MAX)] {
            let full = LIMITS.with_job(held(1, has), more);
            assert_eq!(full, Err(Full { limit: Limit::Bytes, most: 100 }), "{has} {more}");
        }
    }

    #[test]
    fn keys_reach_their_limit_and_not_beyond() {
        assert_eq!([0, 2].map(|keys| LIMITS.with_key(keys)), [Ok(()); 2]);
        assert_eq!([3, 4].map(|keys| LIMITS.with_key(keys)), [Err(Full { limit: Limit::Keys, most: 3 }); 2]);
    }

    #[test]
    fn beyond_their_limit_the_oldest_idempotency_keys_are_forgotten() {
        assert_eq!([0, 39, 40, 41, 50].map(|keys| LIMITS.forgotten(keys)), [0, 0, 0, 3, 12]);
        let few = Limits { idempotency: 2, ..LIMITS };
        assert_eq!([2, 3].map(|keys| few.forgotten(keys)), [0, 1]);
    }

    #[test]
    fn limits_are_read_in_any_part_and_nothing_else_is() {
        assert_eq!("".parse(), Ok(Limits::default()));
        let some = Limits { jobs: 3, bytes: 2_000_000, ..Limits::default() };
        assert_eq!(" jobs=3, bytes=2000000,".parse(), Ok(some));
        for bad in ["jobs", "jobs=", "jobs=0", "jobs=-1", "job=1", "keys=1;jobs=1", "bytes=1000"] {
            assert!(bad.parse::<Limits>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_names_the_limit_and_says_when_to_try_again_where_that_helps() {
        for (limit, kind, wait) in [
            (Limit::Jobs, ErrorCode::Overloaded, Some(FULL_RETRY_AFTER)),
            (Limit::Bytes, ErrorCode::Overloaded, Some(FULL_RETRY_AFTER)),
            (Limit::Keys, ErrorCode::Conflict, None),
        ] {
            let problem = Problem::from(Full { limit, most: 7 });
            assert_eq!((problem.kind, problem.wait()), (kind, wait));
            assert_eq!(problem.extensions["limit"], 7);
            assert!(problem.detail.contains('7'), "{}", problem.detail);
        }
    }
}
