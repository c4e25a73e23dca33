//! `JobCancel`: stops a dispatch on a worker.

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::task::Cancel;
use prost::Message as _;

use crate::error::{DecodeError, MessageName};
use crate::v1;

const CANCEL: MessageName = MessageName("JobCancel");

#[must_use]
pub fn encode_cancel(cancel: &Cancel) -> Bytes {
    v1::JobCancel::from(cancel).encode_to_vec().into()
}

/// Decodes a cancellation.
///
/// # Errors
/// Returns an error if the bytes are not a valid cancellation.
pub fn decode_cancel(bytes: &[u8]) -> Result<Cancel, DecodeError> {
    CANCEL.packet::<v1::JobCancel>(bytes)?.try_into()
}

impl From<&Cancel> for v1::JobCancel {
    fn from(cancel: &Cancel) -> Self {
        Self {
            job: cancel.job.as_bytes().to_vec(),
            lease: Some(cancel.lease.into()),
            worker: cancel.worker.to_string(),
        }
    }
}

impl TryFrom<v1::JobCancel> for Cancel {
    type Error = DecodeError;

    fn try_from(packet: v1::JobCancel) -> Result<Self, DecodeError> {
        Ok(Self {
            job: CANCEL.valid("job", JobId::from_slice(&packet.job))?,
            lease: CANCEL.nested("lease", packet.lease)?,
            worker: CANCEL.text("worker", &packet.worker)?,
        })
    }
}
