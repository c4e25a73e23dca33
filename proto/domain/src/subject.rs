//! Bus subjects. The type of a subject says how its messages are carried, so that a request can't
//! be published and a heartbeat can't be awaited. Subjects to send to and filters to listen on are
//! different types. Only an [`Assignment`] gives a subject that reaches a worker, so only cleared
//! and placed jobs do.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use crate::flow::Assignment;
use crate::id::{JobId, Pool, WorkerId};
use crate::share::Share;
use crate::state::Target;
use crate::topic::TopicPattern;
use crate::wildcard;

/// The prefix of the subjects of progress.
const PROGRESS: &str = "sys.job.progress.";
/// The prefix of the subjects of cancellations.
const CANCEL: &str = "sys.job.cancel.";
/// The prefix of the subjects of heartbeats.
const HEARTBEAT: &str = "sys.heartbeat.";
/// The prefix of what is sent to one worker.
const WORKER: &str = "worker.";
/// The prefix of topics.
const TOPIC: &str = "job.";

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
    /// Returns the subject of the synchronous calls of a share. The reply tells how the call ended.
    #[must_use]
    pub fn call(share: Share) -> Self {
        Self::made(format!("sys.job.call.{share}"))
    }

    /// Returns the subject on which a caller says that it stops waiting, and that its job is to
    /// become durable. Carries the job's id. The reply is empty and confirms the message.
    #[must_use]
    pub fn keep(share: Share) -> Self {
        Self::made(format!("sys.job.keep.{share}"))
    }

    /// Returns the subject on which a caller says that it has disconnected. Carries the job's id.
    /// The reply is empty and confirms the message.
    #[must_use]
    pub fn hangup(share: Share) -> Self {
        Self::made(format!("sys.job.hangup.{share}"))
    }

    /// Returns the subject on which a caller asks whether its call is still open. Carries the job's
    /// id. The reply is empty if it is not.
    #[must_use]
    pub fn pulse(share: Share) -> Self {
        Self::made(format!("sys.job.pulse.{share}"))
    }

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
    /// Returns the subject on which a worker of a pool says that it is alive, and renews its leases.
    /// It names both, so that the rights of a worker's user decide which pool it can join.
    #[must_use]
    pub fn heartbeat(worker: &WorkerId, pool: &Pool) -> Self {
        Self::made(format!("{HEARTBEAT}{worker}.{pool}"))
    }

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
    /// The subjects of [`Self::result`], with a wildcard for the share.
    pub const RESULTS: &str = "sys.job.result.*";
    /// The subjects of all queues, with a wildcard for the share.
    pub const ALL: [&str; 2] = ["sys.job.submit.*", Self::RESULTS];

    /// Returns the subject that says that a job is in the store and waits for the scheduler of its
    /// share. Carries the job's id.
    #[must_use]
    pub fn submit(share: Share) -> Self {
        Self::made(format!("sys.job.submit.{share}"))
    }

    /// Returns the subject of the workers' reports on jobs of a share.
    #[must_use]
    pub fn result(share: Share) -> Self {
        Self::made(format!("sys.job.result.{share}"))
    }
}

impl<K> Subject<K> {
    fn made(text: String) -> Self {
        Self(Cow::Owned(text), PhantomData)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the subject without the names of shares, jobs, workers and topics. There are only a few
    /// families, so that they can label metrics.
    #[must_use]
    pub fn family(&self) -> &'static str {
        family(&self.0)
    }
}

fn family(subject: &str) -> &'static str {
    const OF_SHARES: [&str; 6] = [
        "sys.job.call",
        "sys.job.keep",
        "sys.job.hangup",
        "sys.job.pulse",
        "sys.job.submit",
        "sys.job.result",
    ];
    let kind = subject.rsplit_once('.').map_or(subject, |(kind, _)| kind);
    match OF_SHARES.into_iter().find(|family| *family == kind) {
        Some(family) => family,
        None if subject.starts_with(PROGRESS) => "sys.job.progress",
        None if subject.starts_with(CANCEL) => "sys.job.cancel",
        None if subject.starts_with(HEARTBEAT) => "sys.heartbeat",
        None if subject.starts_with(WORKER) => "worker",
        None if subject.starts_with(TOPIC) => "job",
        None => "other",
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
    /// The heartbeats of every worker.
    pub const HEARTBEATS: Self = Self(Cow::Borrowed("sys.heartbeat.>"), PhantomData);
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

    /// Returns the family of the subjects that match, see [`Subject::family`].
    #[must_use]
    pub fn family(&self) -> &'static str {
        family(&self.0)
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
        let heartbeat = Subject::heartbeat(&"w1".parse().unwrap(), &"gpu-eu".parse().unwrap());
        assert!(!Filter::PROGRESS.matches(&heartbeat));
        assert!(Filter::HEARTBEATS.matches(&heartbeat) && Filter::only(&heartbeat).matches(&heartbeat));
    }

    #[test]
    fn a_family_has_no_names() {
        let job = JobId::mint(Timestamp::from_millis(1), [1; 10]);
        let worker = "w1".parse().unwrap();
        assert_eq!(Subject::progress(job).family(), "sys.job.progress");
        assert_eq!(Subject::cancel(&worker).family(), "sys.job.cancel");
        assert_eq!(Subject::heartbeat(&worker, &"echo".parse().unwrap()).family(), "sys.heartbeat");
        assert_eq!(Subject::submit(Share::FIRST).family(), "sys.job.submit");
        let of_first =
            [Subject::call, Subject::keep, Subject::hangup, Subject::pulse].map(|of| of(Share::FIRST));
        for subject in of_first {
            assert_eq!(format!("{}.0", subject.family()), subject.as_str());
        }
        for (subject, family) in [("worker.w1.jobs", "worker"), ("job.echo", "job"), ("x", "other")] {
            assert_eq!(Subject::<Requested>::made(subject.to_owned()).family(), family);
        }
    }

    #[test]
    fn subjects_with_and_without_wildcards_differ() {
        assert!(Filter::PROGRESS.has_wildcard());
        assert!(!Filter::only(&Subject::result(Share::FIRST)).has_wildcard());
    }
}
