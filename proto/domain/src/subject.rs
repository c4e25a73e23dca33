//! Bus subjects. The type of a subject says how its messages are carried, so that a request can't
//! be published and a heartbeat can't be awaited. Subjects to send to and filters to listen on are
//! different types. Only an [`Assignment`] gives a subject that reaches a worker, so only cleared
//! and placed jobs do.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use crate::flow::Assignment;
use crate::id::{JobId, WorkerId};
use crate::state::Target;
use crate::topic::TopicPattern;
use crate::wildcard;

/// The prefix of the subjects of progress.
const PROGRESS: &str = "sys.job.progress.";
/// The prefix of the subjects of cancellations.
const CANCEL: &str = "sys.job.cancel.";

/// The message goes to one responder, and the sender waits for its reply.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Requested {}

/// The message goes to all current subscribers and may be lost. It is useful at once or not at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Published {}

/// The message is kept until a consumer acknowledges it, and may arrive twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Queued {}

/// A subject to send to. `K` says how its messages are carried: [`Requested`], [`Published`] or
/// [`Queued`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Subject<K>(Cow<'static, str>, PhantomData<K>);

/// A filter to listen on: a subject, optionally with the wildcards `*` (one part) and a final `>`
/// (the rest).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Filter<K>(Cow<'static, str>, PhantomData<K>);

impl Subject<Requested> {
    /// A synchronous call. The reply tells how it ended.
    pub const JOB_CALL: Self = Self::known("sys.job.call");
    /// A caller stops waiting, and its job is to become durable. Carries the job's id. The reply is
    /// empty and confirms the message.
    pub const JOB_KEEP: Self = Self::known("sys.job.keep");
    /// A caller has disconnected. Carries the job's id. The reply is empty and confirms the
    /// message.
    pub const JOB_HANGUP: Self = Self::known("sys.job.hangup");

    /// Returns the subject to which a placed job is sent. The reply tells whether the worker
    /// accepts it.
    #[must_use]
    pub fn of(assignment: &Assignment) -> Self {
        match assignment.target() {
            Target::Worker(id) => Self::made(format!("worker.{id}.jobs")),
            Target::Pool(_) => Self::made(assignment.request().topic.to_string()),
        }
    }
}

impl Subject<Published> {
    /// A worker is alive, and renews its leases.
    pub const HEARTBEAT: Self = Self::known("sys.heartbeat");

    /// Returns the subject of the messages that stop a dispatch on a worker. It names the worker, so
    /// that a worker learns no lease of another one.
    #[must_use]
    pub fn cancel(worker: &WorkerId) -> Self {
        Self::made(format!("{CANCEL}{worker}"))
    }

    /// Returns the subject of a job's progress and stream frames.
    #[must_use]
    pub fn progress(job: JobId) -> Self {
        Self::made(format!("{PROGRESS}{job}"))
    }
}

impl Subject<Queued> {
    /// A job is in the store and waits for the scheduler. Carries its id.
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
    /// Returns the filter for the messages to one worker.
    #[must_use]
    pub fn worker(id: &WorkerId) -> Self {
        Self(Cow::Owned(format!("worker.{id}.jobs")), PhantomData)
    }

    /// Returns the filter for the messages to any worker of a topic.
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
    /// Returns the subject of a message that a server delivered for this filter, or `None` if it
    /// does not match. Only a bus may call this: a received subject is not made to send to.
    #[must_use]
    pub fn received(&self, subject: &str) -> Option<Subject<K>> {
        wildcard::matches(&self.0, subject).then(|| Subject::made(subject.to_owned()))
    }

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
    fn subjects_with_and_without_wildcards_differ() {
        assert!(Filter::PROGRESS.has_wildcard());
        assert!(!Filter::only(&Subject::JOB_RESULT).has_wildcard());
    }
}
