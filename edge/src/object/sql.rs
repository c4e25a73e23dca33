//! SQL with rows that are decoded into structs. A statement is a value, so that tests can run it on
//! their own database.

use std::borrow::Cow;

use cortex_domain::time::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use worker::{Result, SqlStorage, SqlStorageValue};

pub(crate) type Value = SqlStorageValue;

/// A query and its bound parameters.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) query: Cow<'static, str>,
    pub(crate) bindings: Vec<Value>,
}

impl Statement {
    pub(crate) fn new(query: impl Into<Cow<'static, str>>, bindings: Vec<Value>) -> Self {
        Self { query: query.into(), bindings }
    }
}

/// The object's SQLite database. Writes between two awaits are one transaction, and no response
/// leaves the object before they are on disk.
#[derive(Debug)]
pub(crate) struct Sql(pub(crate) SqlStorage);

impl Sql {
    pub(crate) fn run(&self, statement: Statement) -> Result<()> {
        self.rows::<IgnoredAny>(statement).map(|_| ())
    }

    pub(crate) fn rows<T: DeserializeOwned>(&self, statement: Statement) -> Result<Vec<T>> {
        self.0.exec(&statement.query, statement.bindings)?.to_array()
    }

    pub(crate) fn first<T: DeserializeOwned>(&self, statement: Statement) -> Result<Option<T>> {
        Ok(self.rows(statement)?.into_iter().next())
    }

    /// Returns whether a statement has a row.
    pub(crate) fn any(&self, statement: Statement) -> Result<bool> {
        Ok(self.first::<IgnoredAny>(statement)?.is_some())
    }

    /// Returns the column `number` of a statement's first row, or `None` if it is NULL or there is
    /// no row.
    pub(crate) fn number(&self, query: &'static str) -> Result<Option<u64>> {
        #[derive(Deserialize)]
        struct Row {
            number: Option<u64>,
        }
        Ok(self.first::<Row>(Statement::new(query, vec![]))?.and_then(|row| row.number))
    }

    pub(crate) fn has_table(&self, name: &str) -> Result<bool> {
        let query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?";
        self.any(Statement::new(query, vec![name.into()]))
    }
}

pub(crate) fn text(text: &str) -> Value {
    text.into()
}

/// Milliseconds fit a JavaScript number for the next 285,000 years.
pub(crate) fn time(at: Timestamp) -> Value {
    number(at.as_millis())
}

pub(crate) fn number(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
