//! What the store keeps for the relay.

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::transition::Message as Outgoing;
use prost::Message as _;

use crate::error::{DecodeError, Message};
use crate::v1;
use v1::outbox_record as kinds;

const OUTBOX: Message = Message("OutboxRecord");

/// A message as the outbox keeps it.
#[must_use]
pub fn encode_message(message: &Outgoing) -> Bytes {
    let message = match message {
        Outgoing::Submit { job } => kinds::Message::Submit(job.as_bytes().to_vec()),
        Outgoing::Abort { job, lease, worker } => kinds::Message::Abort(kinds::Abort {
            job: job.as_bytes().to_vec(),
            lease: Some((*lease).into()),
            worker: worker.to_string(),
        }),
    };
    v1::OutboxRecord { message: Some(message) }.encode_to_vec().into()
}

/// # Errors
/// If the bytes are no message of the outbox.
pub fn decode_message(bytes: &[u8]) -> Result<Outgoing, DecodeError> {
    let record: v1::OutboxRecord = OUTBOX.parse(bytes)?;
    Ok(match OUTBOX.required("message", record.message)? {
        kinds::Message::Submit(job) => {
            Outgoing::Submit { job: OUTBOX.valid("submit", JobId::from_slice(&job))? }
        }
        kinds::Message::Abort(abort) => Outgoing::Abort {
            job: OUTBOX.valid("abort.job", JobId::from_slice(&abort.job))?,
            lease: OUTBOX.nested("abort.lease", abort.lease)?,
            worker: OUTBOX.text("abort.worker", &abort.worker)?,
        },
    })
}
