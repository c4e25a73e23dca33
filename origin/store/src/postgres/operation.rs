//! One write of a batch, and the columns in which a batch is sent to the server.

use bytes::Bytes;
use cortex_domain::id::Tenant;
use cortex_domain::retention::Retention;
use cortex_domain::share::Term;
use tokio_postgres::types::{ToSql, Type};

/// What a write does. The numbers are those of `cortex.write`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Kind {
    /// Only what every write may bring: audit entries, and messages that were relayed.
    #[default]
    Append = 0,
    Accept = 1,
    Commit = 2,
    Persist = 3,
    Record = 4,
    Put = 5,
    SetCursor = 6,
}

/// A write, decided by the server in the transaction of its batch.
#[derive(Debug, Default)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) tenant: Option<Tenant>,
    pub(super) id: Option<[u8; 16]>,
    pub(super) topic: Option<String>,
    pub(super) state: i32,
    pub(super) version: i64,
    pub(super) expected: i64,
    pub(super) open: bool,
    pub(super) dispatch: Option<[u8; 16]>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) size: i64,
    pub(super) kept_until: i64,
    pub(super) record: Option<Bytes>,
    pub(super) log: Option<Bytes>,
    /// An idempotency key or the name of a cursor.
    pub(super) name: Option<String>,
    pub(super) fingerprint: Option<[u8; 32]>,
    pub(super) space: i32,
    /// The dispatch of the draft to publish or to store, and empty for other payloads.
    pub(super) place: Option<Vec<u8>>,
    pub(super) body: Option<Bytes>,
    pub(super) steps: Vec<Step>,
    pub(super) messages: Vec<Bytes>,
    pub(super) entries: Vec<Entries>,
    pub(super) relayed: Vec<i64>,
    pub(super) term: Option<Term>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) version: i64,
    pub(super) attempt: i32,
    pub(super) state: i32,
    pub(super) at: i64,
}

/// Audit entries of one tenant.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    pub(super) tenant: String,
    pub(super) count: i64,
    pub(super) at: i64,
    pub(super) batch: Bytes,
}

impl Operation {
    /// Returns roughly how many bytes the write sends.
    pub(super) fn weight(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        length(&self.record)
            + length(&self.log)
            + length(&self.body)
            + self.messages.iter().map(Bytes::len).sum::<usize>()
            + self.entries.iter().map(|entries| entries.batch.len()).sum::<usize>()
            + self.steps.len() * size_of::<Step>()
            + self.relayed.len() * size_of::<i64>()
    }
}

/// The limits of a tenant, as the server takes them.
pub(super) fn limits(retention: &Retention) -> Vec<i64> {
    let keys = u64::try_from(retention.keys.as_millis()).unwrap_or(u64::MAX);
    [retention.open_jobs, retention.jobs(), retention.bytes, retention.tenant_keys, keys]
        .map(|most| i64::try_from(most).unwrap_or(i64::MAX / 2).min(i64::MAX / 2))
        .to_vec()
}

pub(super) const WRITE: &str = "SELECT outcome, job_record, is_same, bound, oldest FROM cortex.write($1, $2, $3, $4, $5, \
     $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, \
     $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38)";

/// The parameters of [`WRITE`].
#[derive(Default)]
pub(super) struct Parameters<'a>(Vec<(Box<dyn ToSql + Sync + Send + 'a>, Type)>);

impl<'a> Parameters<'a> {
    pub(super) fn new(epoch: i64, limits: &'a Vec<i64>, operations: &'a [&'a Operation]) -> Self {
        let tenants = distinct(operations);
        let number = |tenant: &Tenant| {
            tenants.binary_search(&tenant.as_str()).ok().and_then(|n| i32::try_from(n + 1).ok())
        };
        let numbers: Vec<_> =
            operations.iter().map(|operation| operation.tenant.as_ref().and_then(number)).collect();
        let mut to = Self::default();
        to.add(epoch, Type::INT8);
        to.add(tenants, Type::TEXT_ARRAY);
        to.add(limits, Type::INT8_ARRAY);
        to.each(operations, Type::INT4_ARRAY, |o| o.kind as i32);
        to.add(numbers, Type::INT4_ARRAY);
        to.each(operations, Type::BYTEA_ARRAY, |o| o.id.as_ref().map(|id| &id[..]));
        to.each(operations, Type::TEXT_ARRAY, |o| o.topic.as_deref());
        to.each(operations, Type::INT4_ARRAY, |o| o.state);
        to.each(operations, Type::INT8_ARRAY, |o| o.version);
        to.each(operations, Type::INT8_ARRAY, |o| o.expected);
        to.each(operations, Type::BOOL_ARRAY, |o| o.open);
        to.each(operations, Type::BYTEA_ARRAY, |o| o.dispatch.as_ref().map(|id| &id[..]));
        to.each(operations, Type::INT8_ARRAY, |o| o.created_at);
        to.each(operations, Type::INT8_ARRAY, |o| o.updated_at);
        to.each(operations, Type::INT8_ARRAY, |o| o.size);
        to.each(operations, Type::INT8_ARRAY, |o| o.kept_until);
        to.each(operations, Type::BYTEA_ARRAY, |o| o.record.as_deref());
        to.each(operations, Type::BYTEA_ARRAY, |o| o.log.as_deref());
        to.each(operations, Type::TEXT_ARRAY, |o| o.name.as_deref());
        to.each(operations, Type::BYTEA_ARRAY, |o| o.fingerprint.as_ref().map(|print| &print[..]));
        to.each(operations, Type::INT4_ARRAY, |o| o.space);
        to.each(operations, Type::BYTEA_ARRAY, |o| o.place.as_deref());
        to.each(operations, Type::BYTEA_ARRAY, |o| o.body.as_deref());
        to.parts(operations, |o| &o.steps, Type::INT8_ARRAY, |step| step.version);
        to.rest(operations, |o| &o.steps, Type::INT4_ARRAY, |step| step.attempt);
        to.rest(operations, |o| &o.steps, Type::INT4_ARRAY, |step| step.state);
        to.rest(operations, |o| &o.steps, Type::INT8_ARRAY, |step| step.at);
        to.parts(operations, |o| &o.messages, Type::BYTEA_ARRAY, |message| &message[..]);
        to.parts(operations, |o| &o.entries, Type::TEXT_ARRAY, |entries| &entries.tenant[..]);
        to.rest(operations, |o| &o.entries, Type::INT8_ARRAY, |entries| entries.count);
        to.rest(operations, |o| &o.entries, Type::INT8_ARRAY, |entries| entries.at);
        to.rest(operations, |o| &o.entries, Type::BYTEA_ARRAY, |entries| &entries.batch[..]);
        to.rest(operations, |o| &o.relayed, Type::INT8_ARRAY, |sequence| *sequence);
        to.each(operations, Type::INT4_ARRAY, |o| o.term.map(|term| i32::from(term.share.number())));
        to.each(operations, Type::INT8_ARRAY, |o| o.term.map(|term| term.epoch.0.cast_signed()));
        to
    }

    pub(super) fn typed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.0.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect()
    }

    fn add(&mut self, value: impl ToSql + Sync + Send + 'a, kind: Type) {
        self.0.push((Box::new(value), kind));
    }

    /// Adds one value of each write.
    fn each<T: ToSql + Sync + Send + 'a>(
        &mut self,
        operations: &'a [&'a Operation],
        kind: Type,
        value: impl Fn(&'a Operation) -> T,
    ) {
        self.add(operations.iter().map(|operation| value(operation)).collect::<Vec<_>>(), kind);
    }

    /// Adds the number of the write for each of its parts, and then a value of each part.
    fn parts<P: 'a, T: ToSql + Sync + Send + 'a>(
        &mut self,
        operations: &'a [&'a Operation],
        parts: impl Fn(&'a Operation) -> &'a Vec<P>,
        kind: Type,
        value: impl Fn(&'a P) -> T,
    ) {
        let numbers = (1_i32..).zip(operations);
        let numbers = numbers.flat_map(|(n, operation)| parts(operation).iter().map(move |_| n));
        self.add(numbers.collect::<Vec<_>>(), Type::INT4_ARRAY);
        self.rest(operations, parts, kind, value);
    }

    /// Adds a further value of each part.
    fn rest<P: 'a, T: ToSql + Sync + Send + 'a>(
        &mut self,
        operations: &'a [&'a Operation],
        parts: impl Fn(&'a Operation) -> &'a Vec<P>,
        kind: Type,
        value: impl Fn(&'a P) -> T,
    ) {
        self.add(
            operations.iter().flat_map(|operation| parts(operation)).map(value).collect::<Vec<_>>(),
            kind,
        );
    }
}

/// Returns the tenants of the writes, each once and in order.
fn distinct<'a>(operations: &[&'a Operation]) -> Vec<&'a str> {
    let mut tenants: Vec<&str> =
        operations.iter().filter_map(|operation| Some(operation.tenant.as_ref()?.as_str())).collect();
    tenants.sort_unstable();
    tenants.dedup();
    tenants
}
