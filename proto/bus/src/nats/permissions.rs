//! The rights of a worker that uses the server itself.

use std::fmt;

use cortex_domain::id::{Pool, WorkerId};
use cortex_domain::subject::{Filter, Queued, Subject};
use cortex_domain::topic::TopicPattern;

use super::GROUP;

/// What a worker's user may send and receive, as subjects of NATS.
///
/// A worker receives the jobs of its topics, as one of their group, and what is sent to it alone. It
/// sends reports, progress and its heartbeats, and replies to what it received.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerPermissions {
    pub publish: Vec<String>,
    /// A subject, or a subject and the group that must share its messages.
    pub subscribe: Vec<String>,
}

/// Returns the rights of a worker that may join these pools and serves these topics.
#[must_use]
pub fn worker_permissions(worker: &WorkerId, pools: &[Pool], topics: &[TopicPattern]) -> WorkerPermissions {
    let inbox = format!("{}.>", inbox(worker));
    let mut subscribe = vec![
        Filter::worker(worker).as_str().to_owned(),
        Filter::only(&Subject::cancel(worker)).as_str().to_owned(),
        inbox.clone(),
    ];
    // Without the group, a worker would read the jobs of all others.
    subscribe.extend(topics.iter().map(|topic| format!("{} {GROUP}", Filter::topic(topic))));
    let mut publish = vec![
        Subject::<Queued>::RESULTS.to_owned(),
        Filter::PROGRESS.as_str().to_owned(),
        // The probe that waits until the server knows of a subscription.
        inbox,
    ];
    publish.extend(pools.iter().map(|pool| Subject::heartbeat(worker, pool).as_str().to_owned()));
    WorkerPermissions { publish, subscribe }
}

/// Returns the prefix of the subjects on which a worker receives replies.
pub(super) fn inbox(worker: &WorkerId) -> String {
    format!("_INBOX_{worker}")
}

impl WorkerPermissions {
    /// Returns the entry of the server's list `authorization.users` for the user with this public
    /// nkey.
    #[must_use]
    pub fn user(&self, public_nkey: &str) -> String {
        format!("{{\n  nkey: \"{public_nkey}\"\n  permissions: {{\n{self}\n  }}\n}}")
    }
}

impl fmt::Display for WorkerPermissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |subjects: &[String]| {
            let quoted: Vec<_> = subjects.iter().map(|subject| format!("\"{subject}\"")).collect();
            quoted.join(", ")
        };
        writeln!(f, "    publish: {{ allow: [{}] }}", list(&self.publish))?;
        writeln!(f, "    subscribe: {{ allow: [{}] }}", list(&self.subscribe))?;
        // A job is answered once, on a subject of its sender.
        write!(f, "    allow_responses: {{ max: 1, expires: \"{REPLY_TIMEOUT}\" }}")
    }
}

/// How long a worker may take to accept a job.
const REPLY_TIMEOUT: &str = "1m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_gets_only_its_own_subjects_and_those_of_its_topics() {
        let topics = ["job.echo".parse().unwrap(), "job.repo.*".parse().unwrap()];
        let pools = ["echo".parse().unwrap(), "gpu-eu".parse().unwrap()];
        let rights = worker_permissions(&"w-1".parse().unwrap(), &pools, &topics);
        assert_eq!(
            rights.subscribe,
            ["worker.w-1.jobs", "sys.job.cancel.w-1", "_INBOX_w-1.>", "job.echo cortex", "job.repo.* cortex"]
        );
        assert_eq!(
            rights.publish,
            [
                "sys.job.result.*",
                "sys.job.progress.>",
                "_INBOX_w-1.>",
                "sys.heartbeat.w-1.echo",
                "sys.heartbeat.w-1.gpu-eu"
            ]
        );
    }
}
