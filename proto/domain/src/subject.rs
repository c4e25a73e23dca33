//! Bus subjects. How messages are carried is a property of their subject, and part of its type: a request can't be published,
//! nor a heartbeat be waited for. What is sent to and what is listened on are two types as well: a subject that reaches a
//! worker is made from an [`Assignment`] alone, and so only for a job that was cleared and placed.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use crate::flow::Assignment;
use crate::id::{JobId, WorkerId};
use crate::state::Target;
use crate::topic::TopicPattern;
use crate::wildcard;

/// How the subject of a job's progress begins.
const PROGRESS: &str = "sys.job.progress.";

/// Goes to one responder, whose reply the sender waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Requested {}

/// Goes to all who listen at that moment, and may be lost: it is of use at once or not at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Published {}

/// Is kept until one consumer has acknowledged it, and may come twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Queued {}

/// A subject to send to; `K` is how it is carried: [`Requested`], [`Published`] or [`Queued`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Subject<K>(Cow<'static, str>, PhantomData<K>);

/// What to listen on: a subject, perhaps with the wildcards `*` (one part) and a last `>` (the rest).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Filter<K>(Cow<'static, str>, PhantomData<K>);

impl Subject<Requested> {
    /// A synchronous call; the reply is how it ended.
    pub const JOB_CALL: Self = Self::known("sys.job.call");
    /// The caller of a call will wait no longer: its job is to be made durable. Carries the job's id; the reply is empty and says
    /// that it was heard.
    pub const JOB_KEEP: Self = Self::known("sys.job.keep");
    /// The caller of a call has left. Carries the job's id; the reply is empty and says that it was heard.
    pub const JOB_HANGUP: Self = Self::known("sys.job.hangup");

    /// Where a placed job is sent; the reply says whether the worker takes it.
    #[must_use]
    pub fn of(assignment: &Assignment) -> Self {
        match assignment.target() {
            Target::Worker(id) => Self::made(format!("worker.{id}.jobs")),
            Target::Pool(_) => Self::made(assignment.request().topic.to_string()),
        }
    }
}

impl Subject<Published> {
    /// A worker is to stop a dispatch.
    pub const JOB_CANCEL: Self = Self::known("sys.job.cancel");
    /// A worker is there, and renews its leases.
    pub const HEARTBEAT: Self = Self::known("sys.heartbeat");

    /// A job's progress and stream frames.
    #[must_use]
    pub fn progress(job: JobId) -> Self {
        Self::made(format!("{PROGRESS}{job}"))
    }
}

impl Subject<Queued> {
    /// A job is in the store and waits for the scheduler; carries its id.
    pub const JOB_SUBMIT: Self = Self::known("sys.job.submit");
    /// A worker's report.
    pub const JOB_RESULT: Self = Self::known("sys.job.result");
}

impl<K> Subject<K> {
    const fn known(text: &'static str) -> Self {
        Self(Cow::Borrowed(text), PhantomData)
    }

    fn made(text: String) -> Self {
        Self(Cow::Owned(text), PhantomData)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Filter<Requested> {
    /// What is sent to one worker.
    #[must_use]
    pub fn worker(id: &WorkerId) -> Self {
        Self(Cow::Owned(format!("worker.{id}.jobs")), PhantomData)
    }

    /// What is sent to any worker that takes a topic.
    #[must_use]
    pub fn topic(pattern: &TopicPattern) -> Self {
        Self(Cow::Owned(pattern.as_str().to_owned()), PhantomData)
    }
}

impl Filter<Published> {
    /// The progress of every job.
    pub const PROGRESS: Self = Self(Cow::Borrowed("sys.job.progress.>"), PhantomData);
}

impl<K> Filter<K> {
    #[must_use]
    pub fn only(subject: &Subject<K>) -> Self {
        Self(subject.0.clone(), PhantomData)
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
    pub fn matches(&self, subject: &Subject<K>) -> bool {
        wildcard::matches(&self.0, subject.as_str())
    }
}

impl<K> fmt::Display for Subject<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<K> fmt::Display for Filter<K> {
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
        assert!(!Filter::PROGRESS.matches(&Subject::HEARTBEAT));
        assert!(Filter::only(&Subject::HEARTBEAT).matches(&Subject::HEARTBEAT));
    }

    #[test]
    fn a_subject_without_a_wildcard_is_told_from_one_with() {
        assert!(Filter::PROGRESS.has_wildcard());
        assert!(!Filter::only(&Subject::JOB_RESULT).has_wildcard());
    }
}
