//! The arguments of a script, in the order in which the script takes them.

use cortex_domain::audit::AuditEvent;
use cortex_domain::event::Entry;
use cortex_domain::job::Job;
use cortex_domain::retention::Retention;
use cortex_domain::share::Term;
use cortex_domain::time::Timestamp;
use cortex_domain::transition::OutboxMessage;

use crate::record::{JOB_OVERHEAD_BYTES, is_open};

#[derive(Debug, Default)]
pub(super) struct Arguments {
    values: Vec<Vec<u8>>,
    bytes: usize,
}

impl Arguments {
    pub(super) fn text(self, value: impl ToString) -> Self {
        self.value(value.to_string().into_bytes())
    }

    pub(super) fn value(mut self, value: Vec<u8>) -> Self {
        self.bytes += value.len();
        self.values.push(value);
        self
    }

    pub(super) fn time(self, at: Timestamp) -> Self {
        self.text(at.as_millis())
    }

    /// Adds the share and the epoch of a term, both empty without one.
    pub(super) fn term(self, term: Option<Term>) -> Self {
        match term {
            Some(Term { share, epoch }) => self.text(share).text(epoch.0),
            None => self.text("").text(""),
        }
    }

    /// Adds what every write of a job needs.
    pub(super) fn job(self, job: &Job, log: &[Entry]) -> Self {
        let dispatch = job.state.lease().map(|lease| lease.dispatch.to_string());
        let log = if log.is_empty() { Vec::new() } else { cortex_wire::encode_log(log).to_vec() };
        self.text(job.id())
            .text(job.tenant())
            .text(job.topic())
            .text(job.state.name().as_str())
            .text(job.version.0)
            .text(u8::from(is_open(job)))
            .text(dispatch.unwrap_or_default())
            .time(job.updated_at)
            .value(cortex_wire::encode_job(job).to_vec())
            .value(log)
    }

    /// Adds what only a new job needs.
    pub(super) fn new_job(self, job: &Job, log: &[Entry], input: usize, kept_until: Timestamp) -> Self {
        let record = cortex_wire::encode_job(job).len();
        self.job_of_bytes(job, log, JOB_OVERHEAD_BYTES + (input + record) as u64, kept_until)
    }

    /// Adds what a job needs that is new in this store and counts these bytes.
    pub(super) fn job_of_bytes(self, job: &Job, log: &[Entry], bytes: u64, kept_until: Timestamp) -> Self {
        self.job(job, log).time(kept_until).text(bytes).text(trace_id(job).unwrap_or_default())
    }

    /// Adds the limits, in the order in which they are checked.
    pub(super) fn limits(self, retention: &Retention) -> Self {
        self.text(retention.open_jobs)
            .text(retention.jobs())
            .text(retention.bytes)
            .text(retention.tenant_keys)
    }

    pub(super) fn steps(self, log: &[Entry]) -> Self {
        self.rows(log.iter(), |to, entry| {
            to.text(entry.version.0).text(entry.attempt.0).text(entry.state.as_str()).time(entry.at)
        })
    }

    pub(super) fn messages<'a>(self, messages: impl ExactSizeIterator<Item = &'a OutboxMessage>) -> Self {
        self.rows(messages, |to, message| to.value(cortex_wire::encode_message(message).to_vec()))
    }

    pub(super) fn audit<'a>(self, entries: impl ExactSizeIterator<Item = &'a AuditEvent>) -> Self {
        self.rows(entries, Self::audit_entry)
    }

    pub(super) fn audit_entry(self, entry: &AuditEvent) -> Self {
        let encoded = cortex_wire::encode_audit_batch(std::iter::once(entry));
        self.text(&entry.tenant).time(entry.at).value(encoded.to_vec())
    }

    /// Adds a count, then that many rows.
    pub(super) fn rows<T>(
        self,
        rows: impl ExactSizeIterator<Item = T>,
        add: impl Fn(Self, T) -> Self,
    ) -> Self {
        let counted = self.text(rows.len());
        rows.fold(counted, add)
    }

    /// Returns the size of all arguments.
    pub(super) fn size(&self) -> usize {
        self.bytes
    }

    pub(super) fn into_values(self) -> Vec<Vec<u8>> {
        self.values
    }
}

/// Returns the trace id of a job's `traceparent`: the 32 digits after its version.
fn trace_id(job: &Job) -> Option<String> {
    let id = job.request.traceparent.as_deref()?.split('-').nth(1)?;
    let is_hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| id.to_ascii_lowercase())
}
