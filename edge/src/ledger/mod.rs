//! The ledger: one Durable Object per tenant, the edge's truth. It holds every accepted job with its envelope
//! until the origin's durable accept is on record, and sends it again until then; the queue is only the fast
//! way. It also holds the tenant's keys and says which of them are revoked.

mod backoff;
pub(crate) mod call;
pub(crate) mod client;
mod jobs;
mod keys;
mod nonces;
mod sending;
mod sql;

use std::cell::Cell;
use std::time::Duration;

use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use cortex_guard::api::Applied;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use self::call::{Call, Entry, NewJob, Place, Reply};
use self::jobs::{Earlier, Released};
use self::sql::Sql;
use crate::{chance, log, parked};

/// The most jobs that may wait for the origin.
const MAX_WAITING: u64 = 10_000;
/// How often old jobs are forgotten, in milliseconds.
const PRUNE_MS: u64 = 60_000;
/// How often somebody who looks may make the ledger knock at the origin, in milliseconds.
const KNOCK_MS: u64 = 1000;

/// A tenant's ledger.
#[durable_object]
#[derive(Debug)]
pub struct Ledger {
    state: State,
    env: Env,
    sql: Sql,
    /// The alarm that is set, to save setting it again.
    alarm: Cell<Option<u64>>,
    waiting: Cell<Option<u64>>,
    pruned: Cell<u64>,
    knocked: Cell<u64>,
}

impl DurableObject for Ledger {
    fn new(state: State, env: Env) -> Self {
        let sql = Sql(state.storage().sql());
        if let Err(error) = sql.run(sql::SCHEMA, vec![]) {
            log::error("ledger.schema", &[("cause", &error.to_string())]);
        }
        Self {
            state,
            env,
            sql,
            alarm: Cell::default(),
            waiting: Cell::default(),
            pruned: Cell::default(),
            knocked: Cell::default(),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let call = serde_json::from_str(&request.text().await?)?;
        match self.answer(call).await {
            Ok(reply) => Response::ok(serde_json::to_string(&reply)?),
            Err(error) => Response::error(error.to_string(), 500),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm.set(None);
        if let Err(error) = self.send_due().await {
            log::error("ledger.alarm", &[("cause", &error.to_string())]);
        }
        self.waiting.set(None);
        self.set_alarm().await?;
        Response::empty()
    }
}

impl Ledger {
    async fn answer(&self, call: Call) -> Result<Reply> {
        let (sql, now) = (&self.sql, chance::now());
        if let Call::Check { by }
        | Call::Record { by, .. }
        | Call::Look { by, .. }
        | Call::List { by, .. }
        | Call::Cancel { by, .. } = &call
            && !keys::holds(sql, by)?
        {
            return Ok(Reply::Revoked);
        }
        match call {
            Call::Check { .. } => Ok(Reply::Done),
            Call::Record { job, .. } => self.record(&job, now).await,
            Call::Look { job, .. } => self.look(&job, now).await,
            Call::List { listing, .. } => {
                let jobs = jobs::list(sql, &listing)?;
                self.knock(jobs.iter().any(|job| job.hold.is_some()), now).await?;
                Ok(Reply::Jobs { jobs })
            }
            Call::Cancel { job, .. } => self.cancel(&job, now).await,
            Call::Take { job } => Ok(done(jobs::take(sql, &job, now)?)),
            Call::Settle { job, delivery } => {
                self.settle(&job, delivery, now).await?;
                self.set_alarm().await?;
                Ok(Reply::Done)
            }
            Call::DeadLetter { job } => {
                log::error("ledger.dead_letter", &[("job", &job)]);
                self.set_alarm().await?;
                Ok(Reply::Done)
            }
            Call::States { states } => {
                let mut told = Applied::default();
                for line in &states {
                    // Who tells where a job stands has it, even if nobody lived to note that it was taken.
                    let job = line.job.to_string();
                    self.release(&job, jobs::accepted(sql, &job, &job)?).await;
                    if jobs::apply(sql, line)? {
                        told.applied += 1;
                    } else if !line.state.is_terminal() && jobs::cancelled_here(sql, &job)? {
                        told.cancelled.push(line.job);
                    }
                }
                // Whoever reports is there.
                jobs::wake(sql, now)?;
                self.set_alarm().await?;
                Ok(Reply::Applied { applied: told })
            }
            Call::PutKey { record } => Ok(Reply::Key { record: Box::new(keys::put(sql, *record)?) }),
            Call::Keys => Ok(Reply::Keys { keys: keys::all(sql)? }),
            Call::Revoke { id } => Ok(done(keys::revoke(sql, &id)?)),
            Call::Nonce { nonce, signed_ms } => {
                let signed = Timestamp::from_millis(signed_ms);
                Ok(done(nonces::remember(sql, &nonce, signed, now)?))
            }
        }
    }

    async fn record(&self, job: &NewJob, now: Timestamp) -> Result<Reply> {
        match jobs::earlier(&self.sql, job.idempotency.as_ref())? {
            Earlier::Same(entry) => return Ok(Reply::Recorded { entry, new: false }),
            Earlier::Other => return Ok(Reply::Mismatch),
            Earlier::Nothing => {}
        }
        let waiting = match self.waiting.get() {
            Some(waiting) => waiting,
            None => jobs::waiting(&self.sql)?,
        };
        if waiting >= MAX_WAITING {
            return Ok(Reply::Full);
        }
        let entry = jobs::record(&self.sql, job, now)?;
        self.waiting.set(Some(waiting + 1));
        if now.as_millis() - self.pruned.get().min(now.as_millis()) > PRUNE_MS {
            self.pruned.set(now.as_millis());
            jobs::prune(&self.sql, now)?;
        }
        self.set_alarm().await?;
        match entry {
            Some(entry) => Ok(Reply::Recorded { entry: Box::new(entry), new: true }),
            None => Err(worker::Error::RustError("the job is not there after its commit".to_owned())),
        }
    }

    async fn look(&self, job: &str, now: Timestamp) -> Result<Reply> {
        let Some(entry) = jobs::find(&self.sql, job)? else { return Ok(Reply::No) };
        self.knock(entry.view.hold.is_some(), now).await?;
        Ok(found(entry))
    }

    /// Somebody waits for what is held, so knock at the origin that had been away.
    async fn knock(&self, held: bool, now: Timestamp) -> Result<()> {
        if held && now.as_millis() >= self.knocked.get() + KNOCK_MS {
            self.knocked.set(now.as_millis());
            jobs::wake(&self.sql, now)?;
            self.set_alarm().await?;
        }
        Ok(())
    }

    /// Cancels a job that waits here; any other is left as it is.
    async fn cancel(&self, job: &str, now: Timestamp) -> Result<Reply> {
        let Some(entry) = jobs::find(&self.sql, job)? else { return Ok(Reply::No) };
        if entry.place != Place::Waiting {
            return Ok(found(entry));
        }
        let released = jobs::end(&self.sql, job, StateName::Cancelled, None, now)?;
        let entry = jobs::find(&self.sql, job)?;
        self.release(job, released).await;
        Ok(entry.map_or(Reply::No, |entry| Reply::Cancelled { entry: Box::new(entry) }))
    }

    /// One job less waits for the origin, if it did until now.
    async fn release(&self, job: &str, released: Released) {
        if released == Released::NotOurs {
            return;
        }
        self.waiting.set(self.waiting.get().map(|waiting| waiting.saturating_sub(1)));
        if released == Released::Parked
            && let Err(error) = parked::delete(&self.env, job).await
        {
            log::error("ledger.unpark", &[("job", job), ("cause", &error.to_string())]);
        }
    }

    /// Sets the alarm to the time when the next job is due, unless it goes off before that anyway: then it
    /// finds nothing to do and is set again.
    async fn set_alarm(&self) -> Result<()> {
        let Some(due) = jobs::next_due(&self.sql)? else { return Ok(()) };
        let now = chance::now().as_millis();
        if self.alarm.get().is_some_and(|set| now < set && set <= due) {
            return Ok(());
        }
        self.alarm.set(Some(due));
        let wait = Duration::from_millis(due.saturating_sub(now));
        self.state.storage().set_alarm(wait).await
    }
}

fn done(done: bool) -> Reply {
    if done { Reply::Done } else { Reply::No }
}

fn found(entry: Entry) -> Reply {
    Reply::Found { entry: Box::new(entry) }
}
