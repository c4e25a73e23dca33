//! The Durable Object of a tenant's ledger, and its alarm.

use std::cell::Cell;

use cortex_domain::time::Timestamp;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::jobs;
use super::keys;
use super::schema::SCHEMA;
use crate::limits::{LedgerUsage, Limits};
use crate::object::sql::{Sql, Statement};
use crate::{clock, config, log};

/// A tenant's ledger.
#[durable_object]
#[derive(Debug)]
pub struct Ledger {
    pub(super) state: State,
    pub(super) env: Env,
    pub(super) sql: Sql,
    /// Whether the tables exist. An unused ledger has none.
    has_tables: Cell<bool>,
    /// The time of the alarm, to avoid setting it again.
    alarm: Cell<Option<Timestamp>>,
    pub(super) limits: Limits,
    /// The jobs that wait for the origin, or `None` if they must be counted.
    pub(super) held: Cell<Option<LedgerUsage>>,
    /// An upper bound of the number of stored idempotency keys, or `None` if they must be counted.
    pub(super) idempotency_keys: Cell<Option<u64>>,
    /// When old rows were last deleted.
    pub(super) pruned: Cell<Timestamp>,
    /// When a caller who looked at a job last made the ledger try an unreachable origin.
    pub(super) woken: Cell<Timestamp>,
}

impl DurableObject for Ledger {
    fn new(state: State, env: Env) -> Self {
        let ledger = Self {
            sql: Sql(state.storage().sql()),
            // With invalid limits the defaults apply, and /health reports it.
            limits: config::ledger_limits(&env).unwrap_or_default(),
            state,
            env,
            has_tables: Cell::default(),
            alarm: Cell::default(),
            held: Cell::default(),
            idempotency_keys: Cell::default(),
            pruned: Cell::default(),
            woken: Cell::default(),
        };
        // Creates the tables of a newer version.
        let opened =
            ledger.sql.has_table("key").and_then(|used| if used { ledger.make_tables() } else { Ok(()) });
        if let Err(error) = opened {
            log::error("ledger.schema", &[("cause", &error.to_string())]);
        }
        ledger
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        match self.dispatch(&request.path(), &request.text().await?).await {
            Ok(reply) => Response::ok(reply),
            Err(error) => Response::error(error.to_string(), 500),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm.set(None);
        // Revocations go first, because sending jobs may take long.
        for done in [self.send_revocations().await, self.send_due().await] {
            if let Err(error) = done {
                log::error("ledger.alarm", &[("cause", &error.to_string())]);
            }
        }
        self.held.set(None);
        self.set_alarm().await?;
        Response::empty()
    }
}

impl Ledger {
    pub(super) fn has_tables(&self) -> bool {
        self.has_tables.get()
    }

    /// Creates missing tables.
    pub(super) fn make_tables(&self) -> Result<()> {
        self.sql.run(Statement::new(SCHEMA, vec![]))?;
        self.has_tables.set(true);
        Ok(())
    }

    /// Ensures that the alarm fires at a time or earlier.
    pub(super) async fn set_alarm_by(&self, due: Timestamp) -> Result<()> {
        if self.alarm_is_set_by(due, clock::now()) { Ok(()) } else { self.set_alarm().await }
    }

    /// Sets the alarm to the time of the next job or revocation, unless it fires earlier. An early
    /// alarm finds nothing to do and is set again.
    pub(super) async fn set_alarm(&self) -> Result<()> {
        let due = [self.sql.number(jobs::table::NEXT_DUE)?, self.sql.number(keys::revocations::NEXT_DUE)?];
        let Some(due) = due.into_iter().flatten().min().map(Timestamp::from_millis) else { return Ok(()) };
        let now = clock::now();
        if self.alarm_is_set_by(due, now) {
            return Ok(());
        }
        self.alarm.set(Some(due));
        self.state.storage().set_alarm(due.since(now)).await
    }

    fn alarm_is_set_by(&self, due: Timestamp, now: Timestamp) -> bool {
        self.alarm.get().is_some_and(|set| now < set && set <= due)
    }
}
