//! Bus subjects. What is published to and what is listened on are two types: a subject that reaches a
//! worker is made from an [`Assignment`] alone, and so only for a job that was cleared and placed.

use std::borrow::Cow;
use std::fmt;

use crate::flow::Assignment;
use crate::id::{JobId, WorkerId};
use crate::state::Target;
use crate::topic::TopicPattern;
use crate::wildcard;

/// A subject to publish to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Subject(Cow<'static, str>);

impl Subject {
    /// A job is in the store and waits for the scheduler; carries its id.
    pub const JOB_SUBMIT: Self = Self(Cow::Borrowed("sys.job.submit"));
    /// A synchronous call, answered by request and reply.
    pub const JOB_CALL: Self = Self(Cow::Borrowed("sys.job.call"));
    /// Whoever waits for a call will wait no longer: its job is to be made durable; carries its id.
    pub const JOB_KEEP: Self = Self(Cow::Borrowed("sys.job.keep"));
    /// Whoever waited for a call is gone; carries its job's id.
    pub const JOB_HANGUP: Self = Self(Cow::Borrowed("sys.job.hangup"));
    /// A worker's report.
    pub const JOB_RESULT: Self = Self(Cow::Borrowed("sys.job.result"));
    /// A worker is to stop.
    pub const JOB_CANCEL: Self = Self(Cow::Borrowed("sys.job.cancel"));
    /// A worker is there, and renews its leases.
    pub const HEARTBEAT: Self = Self(Cow::Borrowed("sys.heartbeat"));
    /// Something that has to be provable later.
    pub const AUDIT_EVENT: Self = Self(Cow::Borrowed("sys.audit.event"));

    /// Where a placed job is sent.
    #[must_use]
    pub fn of(assignment: &Assignment) -> Self {
        Self(Cow::Owned(match assignment.target() {
            Target::Worker(id) => format!("worker.{id}.jobs"),
            Target::Pool(_) => assignment.request().topic.to_string(),
        }))
    }

    /// A job's progress and stream frames.
    #[must_use]
    pub fn progress(job: JobId) -> Self {
        Self(Cow::Owned(format!("sys.job.progress.{job}")))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What to listen on: a subject, perhaps with the wildcards `*` (one part) and a last `>` (the rest).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Filter(Cow<'static, str>);

impl Filter {
    /// The progress of every job.
    pub const PROGRESS: Self = Self(Cow::Borrowed("sys.job.progress.>"));

    #[must_use]
    pub fn only(subject: &Subject) -> Self {
        Self(subject.0.clone())
    }

    /// What is sent to one worker.
    #[must_use]
    pub fn worker(id: &WorkerId) -> Self {
        Self(Cow::Owned(format!("worker.{id}.jobs")))
    }

    /// What is sent to whoever takes a topic.
    #[must_use]
    pub fn topic(pattern: &TopicPattern) -> Self {
        Self(Cow::Owned(pattern.as_str().to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.0.split('.').any(|part| matches!(part, "*" | ">"))
    }

    #[must_use]
    pub fn matches(&self, subject: &Subject) -> bool {
        wildcard::matches(&self.0, subject.as_str())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn the_progress_filter_takes_every_jobs_progress_and_nothing_else() {
        let job = JobId::mint(Timestamp::from_millis(1), [1; 10]);
        assert!(Filter::PROGRESS.matches(&Subject::progress(job)));
        assert!(!Filter::PROGRESS.matches(&Subject::JOB_RESULT));
        assert!(Filter::only(&Subject::JOB_RESULT).matches(&Subject::JOB_RESULT));
    }
}
