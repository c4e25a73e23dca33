//! `CallRequest` and `CallReply`: a synchronous call to the scheduler.

use bytes::Bytes;
use cortex_domain::call::CallReply;
use cortex_domain::job::{Job, Request};
use cortex_domain::pointer::Pointer;
use prost::Message as _;

use crate::error::{DecodeError, MessageName};
use crate::v1;
use v1::call_reply as reply;

const CALL: MessageName = MessageName("CallRequest");
const REPLY: MessageName = MessageName("CallReply");

/// Encodes a call. Its input lies behind the job's context pointer.
#[must_use]
pub fn encode_call(request: &Request) -> Bytes {
    v1::CallRequest { request: Some(request.into()) }.encode_to_vec().into()
}

/// Decodes a call.
///
/// # Errors
/// Returns an error if the bytes are not a valid call.
pub fn decode_call(bytes: &[u8]) -> Result<Request, DecodeError> {
    CALL.nested("request", CALL.packet::<v1::CallRequest>(bytes)?.request)
}

#[must_use]
pub fn encode_call_reply(called: &CallReply) -> Bytes {
    v1::CallReply::from(called).encode_to_vec().into()
}

/// Decodes the reply to a call.
///
/// # Errors
/// Returns an error if the bytes are not a valid reply, or the job in it has not ended.
pub fn decode_call_reply(bytes: &[u8]) -> Result<CallReply, DecodeError> {
    REPLY.packet::<v1::CallReply>(bytes)?.try_into()
}

impl From<&CallReply> for v1::CallReply {
    fn from(called: &CallReply) -> Self {
        let reply = match called {
            CallReply::Ended { job, answer } => reply::Reply::Ended(reply::Ended {
                record: Some(job.as_ref().into()),
                answer: answer.map(|pointer| pointer.to_string()).unwrap_or_default(),
            }),
            CallReply::Kept { job } => reply::Reply::Kept(job.as_ref().into()),
            CallReply::Refused(refusal) => {
                reply::Reply::Refused(reply::Refused { reason: refusal.to_string() })
            }
        };
        Self { reply: Some(reply) }
    }
}

impl TryFrom<v1::CallReply> for CallReply {
    type Error = DecodeError;

    fn try_from(packet: v1::CallReply) -> Result<Self, DecodeError> {
        Ok(match REPLY.required("reply", packet.reply)? {
            reply::Reply::Ended(ended) => {
                let job: Job = REPLY.nested("ended.record", ended.record)?;
                REPLY.ensure("ended.record", job.state.is_terminal(), "the job has not ended")?;
                Self::Ended { answer: read_answer(&ended.answer, &job)?, job: Box::new(job) }
            }
            reply::Reply::Kept(record) => Self::Kept { job: Box::new(record.try_into()?) },
            reply::Reply::Refused(refused) => Self::Refused(REPLY.text("refused.reason", &refused.reason)?),
        })
    }
}

fn read_answer(text: &str, job: &Job) -> Result<Option<Pointer>, DecodeError> {
    if text.is_empty() {
        return Ok(None);
    }
    let pointer: Pointer = REPLY.text("ended.answer", text)?;
    REPLY.ensure("ended.answer", pointer.space.job() == job.id(), "must belong to the job")?;
    Ok(Some(pointer))
}
