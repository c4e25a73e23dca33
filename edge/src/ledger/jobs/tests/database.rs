//! SQLite in memory, which runs the same statements as the Durable Object.

use cortex_guard::ledger::{LedgerJob, accept};
use rusqlite::types::{Value as Native, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::{at, stored};
use crate::ledger::jobs::row::{CorruptJob, Row, Stored};
use crate::ledger::jobs::table;
use crate::ledger::schema::SCHEMA;
use crate::limits::LedgerUsage;
use crate::object::sql::{Statement, Value};

pub(super) struct Database(pub(super) Connection);

impl Database {
    pub(super) fn new() -> Self {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(SCHEMA).unwrap();
        Self(database)
    }

    /// Returns a database with jobs at their places.
    pub(super) fn with(jobs: &[LedgerJob]) -> Self {
        let database = Self::new();
        for job in jobs {
            database.insert(job);
        }
        database
    }

    /// Commits a job, and writes its place.
    pub(super) fn insert(&self, job: &LedgerJob) {
        let body = job.body().unwrap_or(cortex_guard::ledger::HeldBody { bytes: 1, offloaded: false });
        let new = Stored { job: accept(job.id, body, at(0)).job, ..stored(job.clone()) };
        let message = if body.offloaded { "{}".to_owned() } else { "{}\nbody".to_owned() };
        self.run(table::insert(&new, &message).unwrap());
        self.run(table::write(job).unwrap());
    }

    pub(super) fn run(&self, statement: Statement) {
        self.rows::<Json>(statement);
    }

    pub(super) fn rows<T: DeserializeOwned>(&self, Statement { query, bindings }: Statement) -> Vec<T> {
        let mut prepared = self.0.prepare(&query).unwrap();
        let names: Vec<_> = prepared.column_names().map(str::to_owned).collect();
        let rows = prepared.query_map(params_from_iter(bindings.into_iter().map(native)), |row| {
            let column = |(n, name): (usize, &String)| Ok((name.clone(), json(row.get_ref(n)?)));
            names.iter().enumerate().map(column).collect::<rusqlite::Result<Map<_, _>>>()
        });
        let read = |row: rusqlite::Result<_>| serde_json::from_value(Json::Object(row.unwrap())).unwrap();
        rows.unwrap().map(read).collect()
    }

    pub(super) fn find(&self, job: &LedgerJob) -> Result<Stored, CorruptJob> {
        let rows: Vec<Row> = self.rows(table::find(&job.id));
        rows.into_iter().next().unwrap().decode()
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        let rows: Vec<Json> = self.rows(Statement::new(table::NEXT_DUE, vec![]));
        rows.first().and_then(|row| row["number"].as_u64())
    }

    pub(super) fn held(&self) -> LedgerUsage {
        self.rows(Statement::new(table::HELD, vec![])).remove(0)
    }

    /// Returns the ids of due jobs, in order.
    pub(super) fn due(&self, now: cortex_domain::time::Timestamp) -> Vec<String> {
        let rows: Vec<Json> = self.rows(table::due(now, 1000));
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// Converts numbers as JavaScript passes them to the Durable Object's SQLite.
#[allow(clippy::cast_precision_loss)]
fn native(value: Value) -> Native {
    match value {
        Value::Null => Native::Null,
        Value::Boolean(value) => Native::Integer(value.into()),
        Value::Integer(value) => Native::Real(value as f64),
        Value::Float(value) => Native::Real(value),
        Value::String(value) => Native::Text(value),
        Value::Blob(value) => Native::Blob(value),
    }
}

fn json(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(value) => value.into(),
        ValueRef::Real(value) => value.into(),
        ValueRef::Text(value) => String::from_utf8(value.to_vec()).unwrap().into(),
        ValueRef::Blob(_) => panic!("no column holds bytes"),
    }
}
