//! A job: the request, its owner, and its state.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{IdempotencyKey, JobId, ModelName, Principal, Role, Tenant};
use crate::pointer::{Memory, Pointer};
use crate::state::{Attempt, Hold, State};
use crate::time::Timestamp;
use crate::topic::Topic;

/// The owner of a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    pub tenant: Tenant,
    pub principal: Principal,
    pub roles: Vec<Role>,
}

/// The priority of a job relative to others of its tenant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "lowercase", inline))]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

/// The durability of a job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Durability {
    /// The store holds the job before its caller learns that it was accepted.
    Durable,
    /// A synchronous call. Nothing is guaranteed until it returns.
    Ephemeral,
}

/// The limits of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Maximum number of attempts.
    pub attempts: u32,
    /// Maximum running time of one attempt.
    pub run: Duration,
    /// The caller's deadline. Only this ends a waiting job.
    pub deadline: Option<Timestamp>,
}

/// The number of a job's log entries. Every commit names the version that it expects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Version(pub u64);

impl Version {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A hop of a request on its way to the origin, with its time, e.g. `edge.received`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hop {
    pub name: String,
    pub at: Timestamp,
}

/// SHA-256 over method, path, content type and body, which identifies equal requests.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fingerprint(pub [u8; 32]);

/// A caller's idempotency key with the fingerprint of its request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Idempotency {
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
}

/// SHA-256 of an input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ContentDigest(pub [u8; 32]);

/// What is known about a job's cost before it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CostEstimate {
    /// The size of the input, in bytes.
    pub input_bytes: u64,
    /// Maximum number of output tokens, if the caller set a limit.
    pub output_tokens: Option<u32>,
}

impl CostEstimate {
    /// Estimates the cost of an input.
    #[must_use]
    pub fn of_input(input: &[u8]) -> Self {
        Self { input_bytes: u64::try_from(input.len()).unwrap_or(u64::MAX), output_tokens: None }
    }
}

/// The format of a job's input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum InputFormat {
    /// The body as the caller sent it.
    #[default]
    Body,
    /// The parsed and validated request, encoded by the gateway.
    Normalised,
}

/// The request for a job, which never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    pub id: JobId,
    pub owner: Owner,
    pub topic: Topic,
    /// The model, if it is known before a worker reads the input.
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
    /// W3C `traceparent` of the request.
    pub traceparent: Option<String>,
}

impl Request {
    /// Returns a request with normal priority and without optional facts.
    #[must_use]
    pub fn new(id: JobId, owner: Owner, topic: Topic, limits: Limits, created_at: Timestamp) -> Self {
        Self {
            id,
            owner,
            topic,
            model: None,
            input: InputFormat::default(),
            priority: Priority::Normal,
            limits,
            labels: BTreeMap::new(),
            idempotency: None,
            content: None,
            estimate: CostEstimate::default(),
            hops: Vec::new(),
            created_at,
            traceparent: None,
        }
    }
}

/// A person's approval, which satisfies one rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    pub by: Principal,
    /// The rule that required the approval.
    pub rule: String,
}

/// The state of a job according to its log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    pub request: Request,
    pub durability: Durability,
    pub memory: Memory,
    pub attempt: Attempt,
    /// Attempts that do not count against the limit, because the worker gave the job back without
    /// running it. At most one more than [`MAX_SPARED`](crate::retry::MAX_SPARED).
    pub spared: u32,
    /// The approvals, at most one for each rule. They apply until an attempt has run.
    pub approvals: Vec<Approval>,
    pub version: Version,
    pub updated_at: Timestamp,
    pub state: State,
}

impl Job {
    /// Creates the job of a request. It is pending, and at version 1 because of the log entry of
    /// its acceptance.
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

    /// Returns whether the limit allows another attempt.
    #[must_use]
    pub fn may_try_again(&self) -> bool {
        self.attempt.0.saturating_sub(self.spared) < self.request.limits.attempts
    }

    /// Returns the job with its payloads in another memory.
    #[must_use]
    pub fn moved_to(mut self, memory: Memory) -> Self {
        self.memory = memory;
        if let State::Succeeded { result } = &mut self.state {
            result.memory = memory;
        }
        self
    }

    /// Returns the pointer to the input.
    #[must_use]
    pub fn context(&self) -> Pointer {
        Pointer::context(self.memory, self.id())
    }
}
