//! Messages of the outbox, which the relay sends.

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::share::Share;
use cortex_domain::transition::OutboxMessage;
use prost::Message as _;

use crate::error::{DecodeError, MessageName};
use crate::v1;
use v1::outbox_record as kinds;

const OUTBOX: MessageName = MessageName("OutboxRecord");

/// Encodes a message for the outbox.
#[must_use]
pub fn encode_message(message: &OutboxMessage) -> Bytes {
    let share = u32::from(message.share().number());
    let message = match message {
        OutboxMessage::Submit { job, .. } => kinds::Message::Submit(job.as_bytes().to_vec()),
        OutboxMessage::Abort { job, lease, worker } => kinds::Message::Abort(kinds::Abort {
            job: job.as_bytes().to_vec(),
            lease: Some((*lease).into()),
            worker: worker.to_string(),
        }),
    };
    v1::OutboxRecord { message: Some(message), share }.encode_to_vec().into()
}

/// Decodes a message of the outbox.
///
/// # Errors
/// Returns an error if the bytes are not a valid message.
pub fn decode_message(bytes: &[u8]) -> Result<OutboxMessage, DecodeError> {
    let record: v1::OutboxRecord = OUTBOX.parse(bytes)?;
    Ok(match OUTBOX.required("message", record.message)? {
        kinds::Message::Submit(job) => {
            let job = OUTBOX.valid("submit", JobId::from_slice(&job))?;
            OutboxMessage::Submit {
                job,
                share: OUTBOX.valid("share", Share::from_number(record.share.into()))?,
            }
        }
        kinds::Message::Abort(abort) => OutboxMessage::Abort {
            job: OUTBOX.valid("abort.job", JobId::from_slice(&abort.job))?,
            lease: OUTBOX.nested("abort.lease", abort.lease)?,
            worker: OUTBOX.text("abort.worker", &abort.worker)?,
        },
    })
}
