//! Entries of a job's log.

use bytes::Bytes;
use cortex_domain::event::{Entry, Event};
use cortex_domain::job::Version;
use cortex_domain::state::{Attempt, StateName};
use cortex_domain::time::Timestamp;
use prost::Message as _;

use crate::error::{DecodeError, MessageName};
use crate::v1;
use v1::entry_record as line;

const LOG: MessageName = MessageName("LogRecord");
const ENTRY: MessageName = MessageName("EntryRecord");

/// Encodes log entries for the store.
#[must_use]
pub fn encode_log(entries: &[Entry]) -> Bytes {
    v1::LogRecord { entries: entries.iter().map(Into::into).collect() }.encode_to_vec().into()
}

/// Decodes log entries.
///
/// # Errors
/// Returns an error if the bytes are not valid log entries.
pub fn decode_log(bytes: &[u8]) -> Result<Vec<Entry>, DecodeError> {
    LOG.parse::<v1::LogRecord>(bytes)?.entries.into_iter().map(Entry::try_from).collect()
}

/// Wraps one encoded entry as a log.
#[must_use]
pub fn log_of_one(entry: &[u8]) -> Bytes {
    let mut log = Vec::new();
    prost::encoding::bytes::encode(1, &entry.to_vec(), &mut log);
    log.into()
}

impl From<&Entry> for v1::EntryRecord {
    fn from(entry: &Entry) -> Self {
        Self {
            version: entry.version.0,
            attempt: entry.attempt.0,
            at: entry.at.as_millis(),
            state: entry.state.code().into(),
            event: Some((&entry.event).into()),
        }
    }
}

impl TryFrom<v1::EntryRecord> for Entry {
    type Error = DecodeError;

    fn try_from(entry: v1::EntryRecord) -> Result<Self, DecodeError> {
        let state = u8::try_from(entry.state).ok().and_then(StateName::from_code);
        Ok(Self {
            version: Version(entry.version),
            attempt: Attempt(entry.attempt),
            at: Timestamp::from_millis(entry.at),
            state: state.ok_or_else(|| ENTRY.invalid("state", "must be the code of a state"))?,
            event: ENTRY.nested("event", entry.event)?,
        })
    }
}

impl From<&Event> for line::Event {
    fn from(event: &Event) -> Self {
        match event {
            Event::Accepted => Self::Accepted(line::Accepted {}),
            Event::Cleared { clearance } => Self::Cleared(clearance.into()),
            Event::Denied { denial } => Self::Denied(denial.into()),
            Event::Held { hold } => Self::Held(line::Held { hold: Some(hold.into()) }),
            Event::Released => Self::Released(line::Released {}),
            Event::Scheduled { lease, target } => {
                Self::Scheduled(line::Scheduled { lease: Some((*lease).into()), target: Some(target.into()) })
            }
            Event::Dispatched { lease } => Self::Dispatched(line::Leased { lease: Some((*lease).into()) }),
            Event::Started { lease, worker } => {
                Self::Started(line::Started { lease: Some((*lease).into()), worker: worker.to_string() })
            }
            Event::Returned { lease } => Self::Returned(line::Leased { lease: Some((*lease).into()) }),
            Event::Succeeded { lease, timings } => Self::Succeeded(line::Succeeded {
                lease: Some((*lease).into()),
                timings: Some((*timings).into()),
            }),
            Event::Failed { lease, failure } => {
                Self::Failed(line::Failed { lease: Some((*lease).into()), failure: Some(failure.into()) })
            }
            Event::Expired => Self::Expired(line::Expired {}),
            Event::Cancelled { reason } => Self::Cancelled(line::Cancelled { reason: reason.clone() }),
            Event::Approved { by } => Self::Approved(line::Approved { by: by.to_string() }),
            Event::Rejected { by, reason } => {
                Self::Rejected(line::Rejected { by: by.to_string(), reason: reason.clone() })
            }
        }
    }
}

impl TryFrom<line::Event> for Event {
    type Error = DecodeError;

    fn try_from(event: line::Event) -> Result<Self, DecodeError> {
        Ok(match event {
            line::Event::Accepted(line::Accepted {}) => Self::Accepted,
            line::Event::Cleared(clearance) => Self::Cleared { clearance: clearance.into() },
            line::Event::Denied(denial) => Self::Denied { denial: denial.into() },
            line::Event::Held(held) => Self::Held { hold: ENTRY.nested("held.hold", held.hold)? },
            line::Event::Released(line::Released {}) => Self::Released,
            line::Event::Scheduled(scheduled) => Self::Scheduled {
                lease: ENTRY.nested("scheduled.lease", scheduled.lease)?,
                target: ENTRY.nested("scheduled.target", scheduled.target)?,
            },
            line::Event::Dispatched(leased) => {
                Self::Dispatched { lease: ENTRY.nested("dispatched.lease", leased.lease)? }
            }
            line::Event::Started(started) => Self::Started {
                lease: ENTRY.nested("started.lease", started.lease)?,
                worker: ENTRY.text("started.worker", &started.worker)?,
            },
            line::Event::Returned(leased) => {
                Self::Returned { lease: ENTRY.nested("returned.lease", leased.lease)? }
            }
            line::Event::Succeeded(succeeded) => Self::Succeeded {
                lease: ENTRY.nested("succeeded.lease", succeeded.lease)?,
                timings: ENTRY.required("succeeded.timings", succeeded.timings)?.into(),
            },
            line::Event::Failed(failed) => Self::Failed {
                lease: ENTRY.nested("failed.lease", failed.lease)?,
                failure: ENTRY.nested("failed.failure", failed.failure)?,
            },
            line::Event::Expired(line::Expired {}) => Self::Expired,
            line::Event::Cancelled(cancelled) => Self::Cancelled { reason: cancelled.reason },
            line::Event::Approved(approved) => {
                Self::Approved { by: ENTRY.text("approved.by", &approved.by)? }
            }
            line::Event::Rejected(rejected) => {
                Self::Rejected { by: ENTRY.text("rejected.by", &rejected.by)?, reason: rejected.reason }
            }
        })
    }
}
