//! `JobSubmit`: tells the scheduler that a job is ready.

use bytes::Bytes;
use cortex_domain::id::JobId;
use prost::Message as _;

use crate::error::{DecodeError, MessageName};
use crate::v1;

const SUBMIT: MessageName = MessageName("JobSubmit");

#[must_use]
pub fn encode_submit(job: JobId) -> Bytes {
    v1::JobSubmit { job: job.as_bytes().to_vec() }.encode_to_vec().into()
}

/// Decodes a submission.
///
/// # Errors
/// Returns an error if the bytes do not name a job.
pub fn decode_submit(bytes: &[u8]) -> Result<JobId, DecodeError> {
    let submit: v1::JobSubmit = SUBMIT.packet(bytes)?;
    SUBMIT.valid("job", JobId::from_slice(&submit.job))
}
