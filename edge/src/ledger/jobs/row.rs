//! A job's row, decoded into the pure job and its public data, and encoded again.
//!
//! A row that this code can't have written is corrupt. It is never sent and never shown. See
//! [`super::transition`].

use cortex_api::{HoldView, JobView};
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use cortex_guard::ledger::{Ending, HeldBody, LedgerJob, LedgerPlace};
use serde::Deserialize;

use super::entry::{Entry, Facts};
use crate::object::sql::{Value, number, text, time};

/// The columns of a job except the message, which may be long.
pub(super) const COLUMNS: &str =
    "id, place, state, version, created, updated, facts, hops, sends, due, origin_id, error,
    length(message) AS message_length, instr(message, char(10)) = 0 AS offloaded";

/// A stored row.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) place: String,
    pub(super) state: String,
    pub(super) version: i64,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) facts: String,
    pub(super) hops: String,
    pub(super) sends: i64,
    pub(super) due: Option<i64>,
    pub(super) origin_id: String,
    pub(super) error: Option<String>,
    pub(super) message_length: Option<i64>,
    /// Whether the message consists of the envelope's line only.
    pub(super) offloaded: Option<i64>,
}

/// A job with its constant data.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Stored {
    pub(super) job: LedgerJob,
    pub(super) facts: Facts,
    pub(super) created: Timestamp,
    pub(super) hops: String,
}

/// A row that is not a valid job.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the ledger's row of the job {id} is corrupt: {fault}")]
pub(super) struct CorruptJob {
    pub(super) id: String,
    pub(super) fault: Fault,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("unknown place `{0}`")]
    UnknownPlace(String),
    #[error("invalid column `{0}`")]
    Unreadable(&'static str),
    #[error("the column `{column}` has a value that the place `{place}` does not allow")]
    Impossible { place: &'static str, column: &'static str },
}

impl Row {
    /// Decodes the row.
    pub(super) fn decode(self) -> Result<Stored, CorruptJob> {
        let id = self.id.clone();
        self.read().map_err(|fault| CorruptJob { id, fault })
    }

    fn read(self) -> Result<Stored, Fault> {
        let id = self.id.parse().map_err(|_| Fault::Unreadable("id"))?;
        let facts: Facts = serde_json::from_str(&self.facts).map_err(|_| Fault::Unreadable("facts"))?;
        let place = match self.place.as_str() {
            "waiting" => {
                let (body, failed, due) = self.held("waiting", &facts)?;
                LedgerPlace::Waiting { body, failed, due }
            }
            "sending" => {
                let (body, failed, lease) = self.held("sending", &facts)?;
                LedgerPlace::Sending { body, failed, lease }
            }
            "origin" => {
                self.released("origin")?;
                LedgerPlace::AtOrigin {
                    origin_id: self.origin_id.parse().map_err(|_| Fault::Unreadable("origin_id"))?,
                    state: self.state()?,
                    version: unsigned(self.version, "version")?,
                }
            }
            "ended" => {
                self.released("ended")?;
                LedgerPlace::Ended(self.ending()?)
            }
            unknown => return Err(Fault::UnknownPlace(unknown.to_owned())),
        };
        let (created, updated) = (moment(self.created, "created")?, moment(self.updated, "updated")?);
        Ok(Stored { job: LedgerJob { id, updated, place }, facts, created, hops: self.hops })
    }

    /// Returns what the ledger holds, and when it is due.
    fn held(&self, place: &'static str, facts: &Facts) -> Result<(HeldBody, u32, Timestamp), Fault> {
        let impossible = |column| Fault::Impossible { place, column };
        let length = self.message_length.ok_or(impossible("message"))?;
        if self.state()? != StateName::Pending {
            return Err(impossible("state"));
        }
        // Rows of older versions do not have the length of the body.
        let bytes = if facts.bytes > 0 { facts.bytes } else { unsigned(length, "message")? };
        let body = HeldBody { bytes, offloaded: self.offloaded == Some(1) };
        let failed = u32::try_from(self.sends).map_err(|_| Fault::Unreadable("sends"))?;
        Ok((body, failed, moment(self.due.ok_or(impossible("due"))?, "due")?))
    }

    /// Checks that the ledger no longer holds the job.
    fn released(&self, place: &'static str) -> Result<(), Fault> {
        match (self.message_length, self.due) {
            (None, None) => Ok(()),
            (Some(_), _) => Err(Fault::Impossible { place, column: "message" }),
            (None, Some(_)) => Err(Fault::Impossible { place, column: "due" }),
        }
    }

    fn state(&self) -> Result<StateName, Fault> {
        self.state.parse().map_err(|_| Fault::Unreadable("state"))
    }

    fn ending(&self) -> Result<Ending, Fault> {
        let error = self.error.as_deref().map(serde_json::from_str).transpose();
        match (self.state()?, error.map_err(|_| Fault::Unreadable("error"))?) {
            (StateName::Cancelled, None) => Ok(Ending::Cancelled),
            (StateName::Failed, Some(error)) => Ok(Ending::Failed(error)),
            (StateName::Denied, Some(error)) => Ok(Ending::Denied(error)),
            (StateName::Cancelled | StateName::Failed | StateName::Denied, _) => {
                Err(Fault::Impossible { place: "ended", column: "error" })
            }
            _ => Err(Fault::Impossible { place: "ended", column: "state" }),
        }
    }
}

fn unsigned(number: i64, column: &'static str) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|_| Fault::Unreadable(column))
}

fn moment(millis: i64, column: &'static str) -> Result<Timestamp, Fault> {
    unsigned(millis, column).map(Timestamp::from_millis)
}

/// Returns the columns that a transition writes, in this order: place, state, version, updated,
/// sends, due, origin_id, error.
pub(super) fn encode(job: &LedgerJob) -> Result<[Value; 8], serde_json::Error> {
    let (place, failed) = match &job.place {
        LedgerPlace::Waiting { failed, .. } => ("waiting", *failed),
        LedgerPlace::Sending { failed, .. } => ("sending", *failed),
        LedgerPlace::AtOrigin { .. } => ("origin", 0),
        LedgerPlace::Ended(_) => ("ended", 0),
    };
    Ok([
        text(place),
        text(job.state().as_str()),
        number(job.version()),
        time(job.updated),
        number(failed.into()),
        job.due().map(time).into(),
        text(&job.origin_id().unwrap_or(job.id).to_string()),
        job.error().map(serde_json::to_string).transpose()?.into(),
    ])
}

impl Stored {
    pub(super) fn view(self) -> JobView {
        let Self { job, facts, created, .. } = self;
        let held = |until| HoldView { kind: "origin_away".to_owned(), until: Some(until) };
        JobView {
            id: job.id,
            topic: facts.topic,
            state: job.state(),
            hold: job.held_until().map(held),
            attempt: 0,
            max_attempts: facts.max_attempts,
            version: job.version(),
            created_at: created,
            updated_at: job.updated,
            deadline: facts.deadline_ms.map(Timestamp::from_millis),
            labels: facts.labels,
            result: None,
            error: job.error().cloned(),
        }
    }

    pub(super) fn entry(self) -> Entry {
        let (origin_id, hops) = (self.job.origin_id(), self.hops.clone());
        Entry { view: self.view(), origin_id, hops }
    }
}
