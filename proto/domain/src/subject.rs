//! Bus subjects. What is published to and what is listened on are two types: a subject that reaches a
//! worker is made from an [`Assignment`] alone, and so only for a job that was cleared and placed.

use std::borrow::Cow;
use std::fmt;

use crate::flow::Assignment;
use crate::id::{JobId, WorkerId};
use crate::state::Target;
use crate::topic::TopicPattern;
use crate::wildcard;

/// How the subject of a job's progress begins.
const PROGRESS: &str = "sys.job.progress.";

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
    /// What the safety kernel decided; nothing in this program listens or keeps it.
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
        Self(Cow::Owned(format!("{PROGRESS}{job}")))
    }

    /// Whether what is published here is of use at once or not at all. A heartbeat is superseded by the next one, and
    /// progress is advice: whoever publishes it never waits for a listener that is full.
    #[must_use]
    pub fn is_advice(&self) -> bool {
        *self == Self::HEARTBEAT || self.0.starts_with(PROGRESS)
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
    fn heartbeats_and_progress_are_advice_and_nothing_else_is() {
        let job = JobId::mint(Timestamp::from_millis(1), [1; 10]);
        assert!(Subject::HEARTBEAT.is_advice() && Subject::progress(job).is_advice());
        for subject in [
            Subject::JOB_SUBMIT,
            Subject::JOB_CALL,
            Subject::JOB_KEEP,
            Subject::JOB_HANGUP,
            Subject::JOB_RESULT,
            Subject::JOB_CANCEL,
            Subject::AUDIT_EVENT,
        ] {
            assert!(!subject.is_advice(), "{subject}");
        }
    }

    #[test]
    fn the_progress_filter_takes_every_jobs_progress_and_nothing_else() {
        let job = JobId::mint(Timestamp::from_millis(1), [1; 10]);
        assert!(Filter::PROGRESS.matches(&Subject::progress(job)));
        assert!(!Filter::PROGRESS.matches(&Subject::JOB_RESULT));
        assert!(Filter::only(&Subject::JOB_RESULT).matches(&Subject::JOB_RESULT));
    }
}
