//! A job: what was asked, by whom, and where it stands.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{IdempotencyKey, JobId, ModelName, Principal, Role, Tenant};
use crate::pointer::{Memory, Pointer};
use crate::state::{Attempt, Hold, State};
use crate::time::Timestamp;
use crate::topic::Topic;

/// Who asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    pub tenant: Tenant,
    pub principal: Principal,
    pub roles: Vec<Role>,
}

/// How urgent a job is against others of its tenant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "lowercase", inline))]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

/// What is promised about a job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Durability {
    /// It is in the store before anybody is told that it was accepted.
    Durable,
    /// A synchronous call: nothing is promised until it answers.
    Ephemeral,
}

/// How far a job may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Dispatches at most.
    pub attempts: u32,
    /// Running time of one attempt at most.
    pub run: Duration,
    /// The caller's own deadline: the only thing that ends a job that waits.
    pub deadline: Option<Timestamp>,
}

/// How many log entries a job has; every commit names the one it expects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Version(pub u64);

impl Version {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A time taken at a hop before the origin, e.g. `edge.received`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hop {
    pub name: String,
    pub at: Timestamp,
}

/// SHA-256 over method, path, content type and body: tells whether two requests are the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fingerprint(pub [u8; 32]);

/// A caller's idempotency key with the fingerprint of the request it stood on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Idempotency {
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
}

/// SHA-256 of an input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ContentDigest(pub [u8; 32]);

/// What is known of a job's cost before it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CostEstimate {
    /// How large the input is, in bytes.
    pub input_bytes: u64,
    /// The most tokens of output, where the caller set a limit.
    pub output_tokens: Option<u32>,
}

impl CostEstimate {
    /// Returns what an input says of the cost.
    #[must_use]
    pub fn of_input(input: &[u8]) -> Self {
        Self { input_bytes: u64::try_from(input.len()).unwrap_or(u64::MAX), output_tokens: None }
    }
}

/// How the input of a job is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum InputFormat {
    /// As its caller sent it.
    #[default]
    Body,
    /// As the door wrote it down that read and checked it.
    Normalised,
}

/// What a job was asked with, fixed for its life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    pub id: JobId,
    pub owner: Owner,
    pub topic: Topic,
    /// The model that it is for, where that is known before a worker reads the input.
    pub model: Option<ModelName>,
    pub input: InputFormat,
    pub priority: Priority,
    pub limits: Limits,
    pub labels: BTreeMap<String, String>,
    pub idempotency: Option<Idempotency>,
    pub content: Option<ContentDigest>,
    pub estimate: CostEstimate,
    pub hops: Vec<Hop>,
    pub created_at: Timestamp,
    /// W3C `traceparent` of the request that made it.
    pub traceparent: Option<String>,
}

/// A person's approval of what a rule held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    pub by: Principal,
    /// The rule that asked for it.
    pub rule: String,
}

/// A job as its log stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    pub request: Request,
    pub durability: Durability,
    pub memory: Memory,
    pub attempt: Attempt,
    /// Attempts that don't count against the limit: the worker gave the job back without running it. At most
    /// [`MAX_SPARED`](crate::retry::MAX_SPARED) and one.
    pub spared: u32,
    /// What people approved, one approval of each rule. They are good until an attempt has run.
    pub approvals: Vec<Approval>,
    pub version: Version,
    pub updated_at: Timestamp,
    pub state: State,
}

impl Job {
    /// The job that a request makes: pending, and at version 1 by the log entry of its acceptance.
    #[must_use]
    pub fn accepted(request: Request, durability: Durability, memory: Memory) -> Self {
        Self {
            updated_at: request.created_at,
            durability,
            memory,
            attempt: Attempt(0),
            spared: 0,
            approvals: Vec::new(),
            version: Version(1),
            state: State::Pending { hold: Hold::Ready },
            request,
        }
    }

    #[must_use]
    pub fn id(&self) -> JobId {
        self.request.id
    }

    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.request.owner.tenant
    }

    #[must_use]
    pub fn topic(&self) -> &Topic {
        &self.request.topic
    }

    /// Whether another attempt is within the limit.
    #[must_use]
    pub fn may_try_again(&self) -> bool {
        self.attempt.0.saturating_sub(self.spared) < self.request.limits.attempts
    }

    /// Where what it was asked with lies.
    #[must_use]
    pub fn context(&self) -> Pointer {
        Pointer::context(self.memory, self.id())
    }
}
