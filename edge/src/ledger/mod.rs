//! The ledger: one Durable Object per tenant, the edge's truth. It holds every accepted job with its envelope
//! until the origin's durable accept is on record, and sends it again until then; the queue is only the fast
//! way. It also holds the tenant's keys and says, from its own record of a key alone, who calls with it.

mod backoff;
pub(crate) mod bounds;
pub(crate) mod call;
pub(crate) mod client;
mod idempotency;
mod jobs;
mod keys;
mod nonces;
mod sending;
mod sql;
mod untold;

use std::cell::Cell;
use std::time::Duration;

use cortex_api::Applied;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use cortex_guard::keys::Caller;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use self::bounds::Bounds;
use self::call::{Ask, Call, Entry, Idempotency, NewJob, Place, Reply};
use self::idempotency::Earlier;
use self::jobs::{Released, Waiting};
use self::sql::Sql;
use crate::{chance, config, log, parked};

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
    bounds: Bounds,
    waiting: Cell<Option<Waiting>>,
    /// How many idempotency keys are remembered, at most.
    remembered: Cell<Option<u64>>,
    /// Whether it has tables.
    founded: Cell<bool>,
    pruned: Cell<u64>,
    knocked: Cell<u64>,
}

impl DurableObject for Ledger {
    fn new(state: State, env: Env) -> Self {
        let sql = Sql(state.storage().sql());
        // Tables that a newer version added; a ledger that was never used stays without any.
        let founded = sql.is_founded().and_then(|founded| if founded { sql.found() } else { Ok(false) });
        if let Err(error) = &founded {
            log::error("ledger.schema", &[("cause", &error.to_string())]);
        }
        // With bounds that can't be read the usual ones hold; /health says so.
        let bounds = config::ledger_bounds(&env).unwrap_or_default();
        Self {
            state,
            env,
            sql,
            alarm: Cell::default(),
            bounds,
            waiting: Cell::default(),
            remembered: Cell::default(),
            founded: Cell::new(founded.unwrap_or_default()),
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
        // Revocations first: a job may take long to send.
        for done in [self.tell_revoked().await, self.send_due().await] {
            if let Err(error) = done {
                log::error("ledger.alarm", &[("cause", &error.to_string())]);
            }
        }
        self.waiting.set(None);
        self.set_alarm().await?;
        Response::empty()
    }
}

impl Ledger {
    async fn answer(&self, call: Call) -> Result<Reply> {
        let (sql, now) = (&self.sql, chance::now());
        if !self.founded.get() {
            if !call.founds() {
                return Ok(call.of_nothing());
            }
            self.founded.set(sql.found()?);
        }
        match call {
            Call::Caller { key, ask } => {
                let Some(caller) = keys::caller(sql, &key)? else { return Ok(Reply::Unknown) };
                let reply = Box::new(self.told(ask, &caller, now).await?);
                Ok(Reply::Told { caller: Box::new(caller), reply })
            }
            Call::Take { job } => {
                Ok(jobs::take(sql, &job, now)?.map_or(Reply::No, |message| Reply::Taken { message }))
            }
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
            Call::PutKey { record } => match self.bounds.with_key(keys::count(sql)?) {
                Ok(()) => Ok(Reply::Key { record: Box::new(keys::put(sql, *record)?) }),
                Err(full) => Ok(Reply::Full(full)),
            },
            Call::Keys => Ok(Reply::Keys { keys: keys::all(sql)? }),
            Call::Revoke { id } => {
                let revoked = keys::revoke(sql, &id)?;
                if revoked {
                    untold::note(sql, &id, now)?;
                    self.set_alarm().await?;
                }
                Ok(done(revoked))
            }
            Call::RevocationTold { id } => {
                untold::told(sql, &id)?;
                Ok(Reply::Done)
            }
            Call::Nonce { nonce, signed_ms } => {
                let signed = Timestamp::from_millis(signed_ms);
                Ok(done(nonces::remember(sql, &nonce, signed, now)?))
            }
        }
    }

    /// What a caller asked for.
    async fn told(&self, ask: Ask, by: &Caller, now: Timestamp) -> Result<Reply> {
        match ask {
            Ask::Check => Ok(Reply::Done),
            Ask::Record { job } => self.record(&job, by, now).await,
            Ask::Claim { idempotency, job } => self.claim(&idempotency, job, now),
            Ask::Look { job } => self.look(&job, now).await,
            Ask::List { listing } => {
                let jobs = jobs::list(&self.sql, &listing)?;
                self.knock(jobs.iter().any(|job| job.hold.is_some()), now).await?;
                Ok(Reply::Jobs { jobs })
            }
            Ask::Cancel { job } => self.cancel(&job, now).await,
        }
    }

    async fn record(&self, job: &NewJob, by: &Caller, now: Timestamp) -> Result<Reply> {
        if let Some(asked) = &job.idempotency {
            match idempotency::earlier(&self.sql, asked)? {
                Earlier::Nothing => {}
                Earlier::Other => return Ok(Reply::Mismatch),
                Earlier::Same(known) => match jobs::find(&self.sql, &known)? {
                    Some(entry) => return Ok(Reply::Recorded { entry: Box::new(entry), new: false }),
                    None if known != job.id => return Ok(Reply::Claimed { job: known }),
                    // Claimed by a caller who waited for it.
                    None => {}
                },
            }
        }
        let waiting = match self.waiting.get() {
            Some(waiting) => waiting,
            None => jobs::waiting(&self.sql)?,
        };
        let waiting = match self.bounds.with_job(waiting, job.facts.bytes) {
            Ok(waiting) => waiting,
            Err(full) => return Ok(Reply::Full(full)),
        };
        let entry = jobs::record(&self.sql, job, by, now)?;
        if let Some(asked) = &job.idempotency {
            self.remember(asked, &job.id, now)?;
        }
        self.waiting.set(Some(waiting));
        self.prune(now)?;
        self.set_alarm().await?;
        match entry {
            Some(entry) => Ok(Reply::Recorded { entry: Box::new(entry), new: true }),
            None => Err(worker::Error::RustError("the job is not there after its commit".to_owned())),
        }
    }

    /// The job that an idempotency key stands for, under the id by which the origin knows it.
    fn claim(&self, asked: &Idempotency, job: String, now: Timestamp) -> Result<Reply> {
        let job = match idempotency::earlier(&self.sql, asked)? {
            Earlier::Other => return Ok(Reply::Mismatch),
            Earlier::Same(known) => jobs::find(&self.sql, &known)?.map_or(known, |entry| entry.origin_id),
            Earlier::Nothing => {
                self.remember(asked, &job, now)?;
                self.prune(now)?;
                job
            }
        };
        Ok(Reply::Claimed { job })
    }

    /// Remembers what an idempotency key stands for, and forgets the oldest keys beyond the bound.
    fn remember(&self, asked: &Idempotency, job: &str, now: Timestamp) -> Result<()> {
        idempotency::remember(&self.sql, asked, job, now)?;
        let mut keys = match self.remembered.get() {
            Some(keys) => keys + 1,
            None => idempotency::count(&self.sql)?,
        };
        if self.bounds.forgotten(keys) > 0 {
            // One that was there before was counted twice.
            keys = idempotency::count(&self.sql)?;
            let forgotten = self.bounds.forgotten(keys);
            idempotency::forget_oldest(&self.sql, forgotten, asked)?;
            keys -= forgotten;
        }
        self.remembered.set(Some(keys));
        Ok(())
    }

    /// Forgets what is old, once in a while.
    fn prune(&self, now: Timestamp) -> Result<()> {
        if now.as_millis() - self.pruned.get().min(now.as_millis()) > PRUNE_MS {
            self.pruned.set(now.as_millis());
            jobs::prune(&self.sql, now)?;
            idempotency::prune(&self.sql, now)?;
            self.remembered.set(None);
        }
        Ok(())
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
        let Released::Ours { bytes, parked } = released else { return };
        self.waiting.set(self.waiting.get().map(|waiting| Waiting {
            jobs: waiting.jobs.saturating_sub(1),
            bytes: waiting.bytes.saturating_sub(bytes),
        }));
        if parked && let Err(error) = parked::delete(&self.env, job).await {
            log::error("ledger.unpark", &[("job", job), ("cause", &error.to_string())]);
        }
    }

    /// Sets the alarm to the time when the next job or revocation is due, unless it goes off before that anyway: then
    /// it finds nothing to do and is set again.
    async fn set_alarm(&self) -> Result<()> {
        let due = [jobs::next_due(&self.sql)?, untold::next_due(&self.sql)?];
        let Some(due) = due.into_iter().flatten().min() else { return Ok(()) };
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
