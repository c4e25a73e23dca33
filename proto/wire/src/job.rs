//! Jobs: the request, and the store's record of the state.

use std::time::Duration;

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::job::{
    Approval, ContentDigest, CostEstimate, Durability, Fingerprint, Hop, Idempotency, InputFormat, Job,
    Limits, Owner, Priority, Request, Version,
};
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::state::{Attempt, State};
use cortex_domain::time::Timestamp;
use prost::Message as _;

use crate::error::{DecodeError, MessageName, filled};
use crate::v1;

const JOB: MessageName = MessageName("JobRecord");
const APPROVAL: MessageName = MessageName("Approval");
const REQUEST: MessageName = MessageName("Request");
const OWNER: MessageName = MessageName("Owner");
const IDEMPOTENCY: MessageName = MessageName("Idempotency");

/// Encodes a job for the store.
#[must_use]
pub fn encode_job(job: &Job) -> Bytes {
    v1::JobRecord::from(job).encode_to_vec().into()
}

/// Decodes a job.
///
/// # Errors
/// Returns an error if the bytes are not a valid job record.
pub fn decode_job(bytes: &[u8]) -> Result<Job, DecodeError> {
    JOB.parse::<v1::JobRecord>(bytes)?.try_into()
}

impl From<&Job> for v1::JobRecord {
    fn from(job: &Job) -> Self {
        Self {
            request: Some((&job.request).into()),
            durable: job.durability == Durability::Durable,
            memory: job.memory.scheme().to_owned(),
            attempt: job.attempt.0,
            spared: job.spared,
            version: job.version.0,
            updated_at: job.updated_at.as_millis(),
            state: Some((&job.state).into()),
            approvals: job.approvals.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::JobRecord> for Job {
    type Error = DecodeError;

    fn try_from(record: v1::JobRecord) -> Result<Self, DecodeError> {
        let job = Self {
            request: JOB.nested("request", record.request)?,
            durability: if record.durable { Durability::Durable } else { Durability::Ephemeral },
            memory: Memory::from_scheme(&record.memory)
                .ok_or_else(|| JOB.invalid("memory", "must be `local` or `redis`"))?,
            attempt: Attempt(record.attempt),
            spared: record.spared,
            version: Version(record.version),
            updated_at: Timestamp::from_millis(record.updated_at),
            state: JOB.nested("state", record.state)?,
            approvals: record.approvals.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        };
        JOB.ensure("version", job.version.0 > 0, "must be at least 1")?;
        JOB.ensure("spared", job.spared <= job.attempt.0, "must be at most the attempt")?;
        if let State::Succeeded { result } = job.state {
            let own = Pointer::result(job.memory, job.id());
            JOB.ensure("state", result == own, "must be the job's own result")?;
        }
        Ok(job)
    }
}

impl From<&Request> for v1::Request {
    fn from(request: &Request) -> Self {
        Self {
            id: request.id.as_bytes().to_vec(),
            owner: Some((&request.owner).into()),
            topic: request.topic.to_string(),
            model: request.model.as_ref().map(ToString::to_string).unwrap_or_default(),
            priority: v1::Priority::from(request.priority).into(),
            limits: Some(request.limits.into()),
            labels: request.labels.clone(),
            idempotency: request.idempotency.as_ref().map(Into::into),
            hops: request.hops.iter().map(Into::into).collect(),
            created_at: request.created_at.as_millis(),
            traceparent: request.traceparent.clone().unwrap_or_default(),
            content: request.content.map(|digest| digest.0.to_vec()).unwrap_or_default(),
            input_bytes: request.estimate.input_bytes,
            output_tokens: request.estimate.output_tokens.unwrap_or_default(),
            input: v1::InputFormat::from(request.input).into(),
        }
    }
}

impl TryFrom<v1::Request> for Request {
    type Error = DecodeError;

    fn try_from(request: v1::Request) -> Result<Self, DecodeError> {
        let priority = REQUEST.valid("priority", v1::Priority::try_from(request.priority))?;
        let input = REQUEST.valid("input", v1::InputFormat::try_from(request.input))?;
        Ok(Self {
            id: REQUEST.valid("id", JobId::from_slice(&request.id))?,
            owner: REQUEST.nested("owner", request.owner)?,
            topic: REQUEST.text("topic", &request.topic)?,
            model: filled(request.model).map(|name| REQUEST.text("model", &name)).transpose()?,
            priority: priority.into(),
            input: input.into(),
            limits: REQUEST.required("limits", request.limits)?.into(),
            labels: request.labels,
            idempotency: request.idempotency.map(TryInto::try_into).transpose()?,
            hops: request.hops.into_iter().map(Into::into).collect(),
            created_at: Timestamp::from_millis(request.created_at),
            traceparent: filled(request.traceparent),
            content: content(REQUEST, &request.content)?,
            estimate: CostEstimate {
                input_bytes: request.input_bytes,
                output_tokens: Some(request.output_tokens).filter(|tokens| *tokens > 0),
            },
        })
    }
}

impl From<&Owner> for v1::Owner {
    fn from(owner: &Owner) -> Self {
        Self {
            tenant: owner.tenant.to_string(),
            principal: owner.principal.to_string(),
            roles: owner.roles.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::Owner> for Owner {
    type Error = DecodeError;

    fn try_from(owner: v1::Owner) -> Result<Self, DecodeError> {
        Ok(Self {
            tenant: OWNER.text("tenant", &owner.tenant)?,
            principal: OWNER.text("principal", &owner.principal)?,
            roles: OWNER.texts("roles", &owner.roles)?,
        })
    }
}

impl From<Priority> for v1::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
        }
    }
}

impl From<v1::Priority> for Priority {
    fn from(priority: v1::Priority) -> Self {
        match priority {
            v1::Priority::Low => Self::Low,
            v1::Priority::Unspecified | v1::Priority::Normal => Self::Normal,
            v1::Priority::High => Self::High,
        }
    }
}

impl From<InputFormat> for v1::InputFormat {
    fn from(format: InputFormat) -> Self {
        match format {
            InputFormat::Body => Self::Body,
            InputFormat::Normalised => Self::Normalised,
        }
    }
}

impl From<v1::InputFormat> for InputFormat {
    fn from(format: v1::InputFormat) -> Self {
        match format {
            v1::InputFormat::Body => Self::Body,
            v1::InputFormat::Normalised => Self::Normalised,
        }
    }
}

impl From<Limits> for v1::Limits {
    fn from(limits: Limits) -> Self {
        Self {
            attempts: limits.attempts,
            run_ms: u64::try_from(limits.run.as_millis()).unwrap_or(u64::MAX),
            deadline: limits.deadline.map(Timestamp::as_millis),
        }
    }
}

impl From<v1::Limits> for Limits {
    fn from(limits: v1::Limits) -> Self {
        Self {
            attempts: limits.attempts,
            run: Duration::from_millis(limits.run_ms),
            deadline: limits.deadline.map(Timestamp::from_millis),
        }
    }
}

impl From<&Idempotency> for v1::Idempotency {
    fn from(idempotency: &Idempotency) -> Self {
        Self { key: idempotency.key.to_string(), fingerprint: idempotency.fingerprint.0.to_vec() }
    }
}

impl TryFrom<v1::Idempotency> for Idempotency {
    type Error = DecodeError;

    fn try_from(idempotency: v1::Idempotency) -> Result<Self, DecodeError> {
        let fingerprint = idempotency.fingerprint.try_into();
        Ok(Self {
            key: IDEMPOTENCY.text("key", &idempotency.key)?,
            fingerprint: fingerprint
                .map(Fingerprint)
                .map_err(|_| IDEMPOTENCY.invalid("fingerprint", "must have 32 bytes"))?,
        })
    }
}

impl From<&Hop> for v1::Hop {
    fn from(hop: &Hop) -> Self {
        Self { name: hop.name.clone(), at: hop.at.as_millis() }
    }
}

impl From<v1::Hop> for Hop {
    fn from(hop: v1::Hop) -> Self {
        Self { name: hop.name, at: Timestamp::from_millis(hop.at) }
    }
}

/// Decodes a digest. Empty bytes mean that it is missing.
pub(crate) fn content(message: MessageName, bytes: &[u8]) -> Result<Option<ContentDigest>, DecodeError> {
    match bytes {
        [] => Ok(None),
        bytes => match bytes.try_into() {
            Ok(digest) => Ok(Some(ContentDigest(digest))),
            Err(_) => Err(message.invalid("content", "must have 32 bytes")),
        },
    }
}

impl From<&Approval> for v1::Approval {
    fn from(approval: &Approval) -> Self {
        Self { by: approval.by.to_string(), rule: approval.rule.clone() }
    }
}

impl TryFrom<v1::Approval> for Approval {
    type Error = DecodeError;

    fn try_from(approval: v1::Approval) -> Result<Self, DecodeError> {
        Ok(Self { by: APPROVAL.text("by", &approval.by)?, rule: approval.rule })
    }
}
