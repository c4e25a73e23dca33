//! `JobResult`: how a dispatch ended.

use bytes::Bytes;
use cortex_domain::flow::{End, Outcome};
use cortex_domain::id::JobId;
use cortex_domain::state::Failure;
use prost::Message as _;

use crate::error::{DecodeError, MessageName};
use crate::v1;
use v1::job_result as result;

const RESULT: MessageName = MessageName("JobResult");

/// The longest detail of a failure, in bytes.
const MAX_DETAIL: usize = 4096;
/// The longest name of a failure's parameter, in bytes.
const MAX_PARAMETER: usize = 1024;

/// Encodes an outcome. The detail of a failure is cut to 4 KiB, and a parameter name longer than 1
/// KiB is omitted.
#[must_use]
pub fn encode_outcome(outcome: &Outcome) -> Bytes {
    v1::JobResult::from(outcome).encode_to_vec().into()
}

/// Decodes an outcome.
///
/// # Errors
/// Returns an error if the bytes are not a valid outcome.
pub fn decode_outcome(bytes: &[u8]) -> Result<Outcome, DecodeError> {
    RESULT.packet::<v1::JobResult>(bytes)?.try_into()
}

impl From<&Outcome> for v1::JobResult {
    fn from(outcome: &Outcome) -> Self {
        let end = match &outcome.end {
            End::Succeeded { timings } => {
                result::End::Succeeded(result::Succeeded { timings: Some((*timings).into()) })
            }
            End::Failed { failure } => {
                let cut = failure.detail.floor_char_boundary(MAX_DETAIL);
                let detail = failure.detail[..cut].to_owned();
                let parameter = failure.parameter.clone().filter(|name| name.len() <= MAX_PARAMETER);
                let failure = Failure { detail, parameter, ..failure.clone() };
                result::End::Failed((&failure).into())
            }
            End::Returned => result::End::Returned(result::Returned {}),
        };
        Self {
            job: outcome.job.as_bytes().to_vec(),
            lease: Some(outcome.lease.into()),
            worker: outcome.worker.to_string(),
            end: Some(end),
        }
    }
}

impl TryFrom<v1::JobResult> for Outcome {
    type Error = DecodeError;

    fn try_from(packet: v1::JobResult) -> Result<Self, DecodeError> {
        let end = match RESULT.required("end", packet.end)? {
            result::End::Succeeded(succeeded) => {
                End::Succeeded { timings: RESULT.required("succeeded.timings", succeeded.timings)?.into() }
            }
            result::End::Failed(failure) => {
                RESULT.at_most("failed.detail", failure.detail.len(), MAX_DETAIL)?;
                RESULT.at_most("failed.parameter", failure.parameter.len(), MAX_PARAMETER)?;
                End::Failed { failure: failure.try_into()? }
            }
            result::End::Returned(result::Returned {}) => End::Returned,
        };
        Ok(Self {
            job: RESULT.valid("job", JobId::from_slice(&packet.job))?,
            lease: RESULT.nested("lease", packet.lease)?,
            worker: RESULT.text("worker", &packet.worker)?,
            end,
        })
    }
}
