//! `JobReply`: a worker's reply to an assignment.

use bytes::Bytes;
use cortex_domain::task::TaskReply;
use prost::Message as _;
use v1::job_reply::Answer;

use crate::error::{DecodeError, MessageName};
use crate::v1;

const REPLY: MessageName = MessageName("JobReply");

#[must_use]
pub fn encode_task_reply(reply: TaskReply) -> Bytes {
    let answer = match reply {
        TaskReply::Accepted => Answer::Accepted,
        TaskReply::Started => Answer::Started,
        TaskReply::Busy => Answer::Busy,
    };
    v1::JobReply { answer: answer.into() }.encode_to_vec().into()
}

/// Decodes a worker's reply.
///
/// # Errors
/// Returns an error if the bytes are not a valid reply.
pub fn decode_task_reply(bytes: &[u8]) -> Result<TaskReply, DecodeError> {
    let packet: v1::JobReply = REPLY.packet(bytes)?;
    match packet.answer() {
        Answer::Accepted => Ok(TaskReply::Accepted),
        Answer::Started => Ok(TaskReply::Started),
        Answer::Busy => Ok(TaskReply::Busy),
        Answer::Unspecified => Err(REPLY.invalid("answer", "unknown value")),
    }
}
