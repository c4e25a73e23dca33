//! `JobProgress`: a dispatch has started, or a piece of its answer.

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::ports::Event;
use cortex_domain::subject::Subject;
use cortex_domain::task::{Progress, ProgressKind};
use prost::Message as _;

use crate::error::{DecodeError, MessageName};
use crate::v1;
use v1::job_progress as progress;

const PROGRESS: MessageName = MessageName("JobProgress");

#[must_use]
pub fn encode_progress(progress: &Progress) -> Bytes {
    v1::JobProgress::from(progress).encode_to_vec().into()
}

/// Decodes progress.
///
/// # Errors
/// Returns an error if the bytes are not valid, or the frame is too long.
pub fn decode_progress(bytes: &[u8]) -> Result<Progress, DecodeError> {
    PROGRESS.packet::<v1::JobProgress>(bytes)?.try_into()
}

/// Decodes a received event with progress.
///
/// # Errors
/// Returns an error if it is not valid, or is about another job than its subject.
pub fn receive_progress(event: &Event) -> Result<Progress, DecodeError> {
    let progress = decode_progress(&event.body)?;
    PROGRESS.addressed(event.subject == Subject::progress(progress.job))?;
    Ok(progress)
}

impl From<&Progress> for v1::JobProgress {
    fn from(said: &Progress) -> Self {
        let what = match &said.what {
            ProgressKind::Started => progress::What::Started(progress::Started {}),
            ProgressKind::Frame(frame) => progress::What::Frame(frame.clone()),
        };
        Self {
            job: said.job.as_bytes().to_vec(),
            lease: Some(said.lease.into()),
            worker: said.worker.to_string(),
            seq: said.seq,
            what: Some(what),
        }
    }
}

impl TryFrom<v1::JobProgress> for Progress {
    type Error = DecodeError;

    fn try_from(packet: v1::JobProgress) -> Result<Self, DecodeError> {
        let what = match PROGRESS.required("what", packet.what)? {
            progress::What::Started(progress::Started {}) => ProgressKind::Started,
            progress::What::Frame(frame) => {
                PROGRESS.at_most("frame", frame.len(), Self::MAX_FRAME)?;
                ProgressKind::Frame(frame)
            }
        };
        Ok(Self {
            job: PROGRESS.valid("job", JobId::from_slice(&packet.job))?,
            lease: PROGRESS.nested("lease", packet.lease)?,
            worker: PROGRESS.text("worker", &packet.worker)?,
            seq: packet.seq,
            what,
        })
    }
}
