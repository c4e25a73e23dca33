//! `JobRequest`: an assignment when it is sent, a task when it arrives.

use bytes::Bytes;
use cortex_domain::flow::Assignment;
use cortex_domain::job::Request;
use cortex_domain::pointer::{Pointer, Space};
use cortex_domain::task::Task;
use prost::Message as _;

use crate::error::{DecodeError, MessageName};
use crate::v1;

const REQUEST: MessageName = MessageName("JobRequest");

#[must_use]
pub fn encode_assignment(assignment: &Assignment) -> Bytes {
    v1::JobRequest::from(assignment).encode_to_vec().into()
}

/// Decodes a task.
///
/// # Errors
/// Returns an error if the bytes are not a valid task, or its pointers do not belong to the job.
pub fn decode_task(bytes: &[u8]) -> Result<Task, DecodeError> {
    REQUEST.packet::<v1::JobRequest>(bytes)?.try_into()
}

/// Omits what the worker does not need: the idempotency key, the hops, the model, which the input
/// names, and data that only policies use.
impl From<&Assignment> for v1::JobRequest {
    fn from(assignment: &Assignment) -> Self {
        Self {
            request: Some(v1::Request {
                idempotency: None,
                hops: Vec::new(),
                model: String::new(),
                content: Vec::new(),
                input_bytes: 0,
                output_tokens: 0,
                ..v1::Request::from(assignment.request())
            }),
            lease: Some(assignment.lease().into()),
            target: Some(assignment.target().into()),
            context: assignment.context().to_string(),
            draft: assignment.draft().to_string(),
        }
    }
}

impl TryFrom<v1::JobRequest> for Task {
    type Error = DecodeError;

    fn try_from(packet: v1::JobRequest) -> Result<Self, DecodeError> {
        let request: Request = REQUEST.nested("request", packet.request)?;
        let task = Self {
            job: request.id,
            lease: REQUEST.nested("lease", packet.lease)?,
            owner: request.owner,
            topic: request.topic,
            input: request.input,
            limits: request.limits,
            labels: request.labels,
            context: REQUEST.text("context", &packet.context)?,
            draft: REQUEST.text("draft", &packet.draft)?,
            traceparent: request.traceparent,
        };
        let own = Pointer::draft(task.draft.memory, task.job, task.lease.dispatch);
        REQUEST.ensure(
            "context",
            task.context.space == Space::Context(task.job),
            "must belong to the job",
        )?;
        REQUEST.ensure("draft", task.draft == own, "must belong to the dispatch")?;
        Ok(task)
    }
}
