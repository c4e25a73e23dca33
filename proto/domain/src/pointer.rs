//! Pointers, which travel on the bus in place of payloads.

use std::fmt;
use std::str::FromStr;

use crate::id::{DispatchId, JobId, ParseError};

/// The memory that holds a payload. It is the scheme of the pointer's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Memory {
    /// The embedded store: `local://`.
    Local,
    /// Redis: `redis://`.
    Redis,
}

impl Memory {
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Redis => "redis",
        }
    }

    #[must_use]
    pub fn from_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "local" => Some(Self::Local),
            "redis" => Some(Self::Redis),
            _ => None,
        }
    }
}

/// The address of a payload. Only the origin creates pointers. A pointer from a client is rejected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pointer {
    pub memory: Memory,
    pub space: Space,
}

/// The kind of payload, and the job or dispatch that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Space {
    /// The input of a job: `ctx/<job>`.
    Context(JobId),
    /// The result of a job: `res/<job>`. Only the transaction that settles the job writes it.
    Result(JobId),
    /// The unpublished answer of one dispatch: `res/<job>/<dispatch>`.
    Draft(JobId, DispatchId),
}

impl Space {
    #[must_use]
    pub fn job(self) -> JobId {
        match self {
            Self::Context(job) | Self::Result(job) | Self::Draft(job, _) => job,
        }
    }
}

impl Pointer {
    #[must_use]
    pub fn context(memory: Memory, job: JobId) -> Self {
        Self { memory, space: Space::Context(job) }
    }

    #[must_use]
    pub fn result(memory: Memory, job: JobId) -> Self {
        Self { memory, space: Space::Result(job) }
    }

    #[must_use]
    pub fn draft(memory: Memory, job: JobId, dispatch: DispatchId) -> Self {
        Self { memory, space: Space::Draft(job, dispatch) }
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.memory.scheme();
        match self.space {
            Space::Context(job) => write!(f, "{scheme}://ctx/{job}"),
            Space::Result(job) => write!(f, "{scheme}://res/{job}"),
            Space::Draft(job, dispatch) => write!(f, "{scheme}://res/{job}/{dispatch}"),
        }
    }
}

impl FromStr for Pointer {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const WRONG: ParseError = ParseError {
            what: "pointer",
            reason: "expected `local://` or `redis://`, then `ctx/<job>`, `res/<job>` or \
                `res/<job>/<dispatch>`",
        };
        let (scheme, path) = text.split_once("://").ok_or(WRONG)?;
        let memory = Memory::from_scheme(scheme).ok_or(WRONG)?;
        let mut parts = path.split('/');
        let space = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("ctx"), Some(job), None, None) => Space::Context(job.parse()?),
            (Some("res"), Some(job), None, None) => Space::Result(job.parse()?),
            (Some("res"), Some(job), Some(dispatch), None) => Space::Draft(job.parse()?, dispatch.parse()?),
            _ => return Err(WRONG),
        };
        Ok(Self { memory, space })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn pointers_read_back_and_nothing_else_reads() {
        let job = JobId::mint(Timestamp::from_millis(1), [3; 10]);
        for memory in [Memory::Local, Memory::Redis] {
            for pointer in [
                Pointer::context(memory, job),
                Pointer::result(memory, job),
                Pointer::draft(memory, job, DispatchId::new([9; 16])),
            ] {
                assert_eq!(pointer.to_string().parse(), Ok(pointer));
            }
        }
        for bad in ["", "local://ctx/", "file:///etc/passwd", "local://ctx/../x", "redis://res/a/b/c"] {
            assert!(bad.parse::<Pointer>().is_err(), "{bad}");
        }
    }
}
