//! Calls to a tenant's ledger.

use cortex_api::{Applied, JobView, ListJobs, Problem, StateLine};
use cortex_domain::ErrorCode;
use cortex_domain::id::Tenant;
use cortex_guard::keys::{Caller, KeyRecord};
use cortex_guard::signature::Verified;
use worker::{Env, Method, Request, RequestInit, Stub};

use super::call::{Ask, Call, Entry, Idempotency, Listing, NewJob, Place, Reply};
use crate::admit::{Presented, unauthenticated};
use crate::deliver::Delivery;
use crate::refusal::{Refusal, not_found};
use crate::vouched;

/// A stub of one ledger object.
pub(crate) struct LedgerClient(Stub);

/// What became of a cancellation.
pub(crate) enum Cancel {
    Done(Box<Entry>),
    /// It had ended already, before it left the ledger.
    Ended,
    /// It is on its way to the origin.
    Sending,
    /// The origin has it under this id; what the ledger doesn't know can only be there.
    AtOrigin(String),
}

impl LedgerClient {
    /// The ledger of a tenant.
    pub(crate) fn of(env: &Env, tenant: &Tenant) -> Result<Self, worker::Error> {
        Ok(Self(env.durable_object("LEDGER")?.get_by_name(&format!("tenant:{tenant}"))?))
    }

    /// The object that remembers the nonces of signed requests; tenants' names hold no colon.
    pub(crate) fn of_nonces(env: &Env) -> Result<Self, worker::Error> {
        Ok(Self(env.durable_object("LEDGER")?.get_by_name("nonces")?))
    }

    /// Who calls.
    pub(crate) async fn check(&self, by: &Presented) -> Result<Caller, Refusal> {
        self.asked(by, Ask::Check).await.map(|(caller, _)| caller)
    }

    pub(crate) async fn record(&self, by: &Presented, job: NewJob) -> Result<(Caller, Reply), Refusal> {
        self.asked(by, Ask::Record { job: Box::new(job) }).await
    }

    /// The job that an idempotency key stands for.
    pub(crate) async fn claim(
        &self,
        by: &Presented,
        idempotency: Idempotency,
        job: String,
    ) -> Result<(Caller, String), Refusal> {
        match self.asked(by, Ask::Claim { idempotency, job }).await? {
            (caller, Reply::Claimed { job }) => Ok((caller, job)),
            (_, Reply::Mismatch) => Err(mismatch().into()),
            (_, other) => Err(unexpected(&other)),
        }
    }

    /// What the ledger knows of a job; `None` if nothing, which doesn't mean that it isn't at the origin.
    pub(crate) async fn look(&self, by: &Presented, job: String) -> Result<(Caller, Option<Entry>), Refusal> {
        match self.asked(by, Ask::Look { job }).await? {
            (caller, Reply::Found { entry }) => Ok((caller, Some(*entry))),
            (caller, Reply::No) => Ok((caller, None)),
            (_, other) => Err(unexpected(&other)),
        }
    }

    /// The newest jobs that the ledger holds, or knows at all, and one more than asked for if there are more.
    pub(crate) async fn list(
        &self,
        by: &Presented,
        asked: &ListJobs,
        all: bool,
    ) -> Result<(Caller, Vec<JobView>), Refusal> {
        let listing = Listing {
            state: asked.state.map(|state| state.to_string()),
            topic: asked.topic.as_ref().map(ToString::to_string),
            before: asked.before.map(|job| job.to_string()),
            limit: asked.limit + 1,
            all,
        };
        match self.asked(by, Ask::List { listing }).await? {
            (caller, Reply::Jobs { jobs }) => Ok((caller, jobs)),
            (_, other) => Err(unexpected(&other)),
        }
    }

    /// Cancels a job that waits in the ledger.
    pub(crate) async fn cancel(&self, by: &Presented, job: String) -> Result<(Caller, Cancel), Refusal> {
        let (caller, reply) = self.asked(by, Ask::Cancel { job: job.clone() }).await?;
        let cancel = match reply {
            Reply::Cancelled { entry } => Cancel::Done(entry),
            Reply::Found { entry } => match entry.place {
                Place::Ended => Cancel::Ended,
                Place::Waiting | Place::Sending => Cancel::Sending,
                Place::Origin => Cancel::AtOrigin(entry.origin_id),
            },
            Reply::No => Cancel::AtOrigin(job),
            other => return Err(unexpected(&other)),
        };
        Ok((caller, cancel))
    }

    /// The message of a job that the caller is to deliver now, if it is to.
    pub(crate) async fn take(&self, job: &str) -> Result<Option<String>, String> {
        match self.call(&Call::Take { job: job.to_owned() }).await {
            Ok(Reply::Taken { message }) => Ok(Some(message)),
            Ok(Reply::No) => Ok(None),
            Ok(other) => Err(detail(unexpected(&other))),
            Err(refusal) => Err(detail(refusal)),
        }
    }

    pub(crate) async fn settle(&self, job: &str, delivery: Delivery) -> Result<(), String> {
        self.told(&Call::Settle { job: job.to_owned(), delivery }).await.map(|_| ())
    }

    pub(crate) async fn dead_letter(&self, job: &str) -> Result<(), String> {
        self.told(&Call::DeadLetter { job: job.to_owned() }).await.map(|_| ())
    }

    pub(crate) async fn states(&self, states: Vec<StateLine>) -> Result<Applied, Refusal> {
        match self.call(&Call::States { states }).await? {
            Reply::Applied { applied } => Ok(applied),
            other => Err(unexpected(&other)),
        }
    }

    /// Keeps a new key and sets the epoch it is made in.
    pub(crate) async fn put_key(&self, record: KeyRecord) -> Result<KeyRecord, Refusal> {
        match self.call(&Call::PutKey { record: Box::new(record) }).await? {
            Reply::Key { record } => Ok(*record),
            Reply::Full(full) => Err(Problem::from(full).into()),
            other => Err(unexpected(&other)),
        }
    }

    /// The tenant's keys, and whether each is revoked.
    pub(crate) async fn keys(&self) -> Result<Vec<(KeyRecord, bool)>, Refusal> {
        match self.call(&Call::Keys).await? {
            Reply::Keys { keys } => Ok(keys),
            other => Err(unexpected(&other)),
        }
    }

    pub(crate) async fn revoke(&self, id: &str) -> Result<(), Refusal> {
        if self.done(&Call::Revoke { id: id.to_owned() }).await? { Ok(()) } else { Err(not_found()) }
    }

    /// The origin was told of a revoked key.
    pub(crate) async fn revocation_told(&self, id: &str) -> Result<(), String> {
        self.told(&Call::RevocationTold { id: id.to_owned() }).await.map(|_| ())
    }

    /// Whether a verified request's nonce is new.
    pub(crate) async fn nonce(&self, verified: &Verified) -> Result<bool, Refusal> {
        let call = Call::Nonce { nonce: verified.nonce.to_string(), signed_ms: verified.signed.as_millis() };
        self.done(&call).await
    }

    async fn done(&self, call: &Call) -> Result<bool, Refusal> {
        match self.call(call).await? {
            Reply::Done => Ok(true),
            Reply::No => Ok(false),
            other => Err(unexpected(&other)),
        }
    }

    /// A call in a caller's name. Every one of them asks whether the key holds.
    async fn asked(&self, by: &Presented, ask: Ask) -> Result<(Caller, Reply), Refusal> {
        match self.call(&Call::Caller { key: by.key.clone(), ask }).await? {
            Reply::Told { caller, reply } => {
                vouched::note(&by.key, true);
                Ok((*caller, *reply))
            }
            Reply::Unknown => {
                vouched::note(&by.key, false);
                Err(unauthenticated().into())
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn told(&self, call: &Call) -> Result<bool, String> {
        self.done(call).await.map_err(detail)
    }

    async fn call(&self, call: &Call) -> Result<Reply, Refusal> {
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(serde_json::to_string(call)?.into()));
        let request = Request::new_with_init("https://ledger/", &init)?;
        let mut answer = self.0.fetch_with_request(request).await?;
        let text = answer.text().await?;
        if answer.status_code() != 200 {
            return Err(Refusal::Broken(format!("the ledger: {text}")));
        }
        Ok(serde_json::from_str(&text)?)
    }
}

fn detail(refusal: Refusal) -> String {
    refusal.into_problem().detail
}

pub(crate) fn mismatch() -> Problem {
    let detail = "this idempotency key was used for another request: take a new one";
    Problem::new(ErrorCode::IdempotencyMismatch, detail)
}

pub(crate) fn unexpected(reply: &Reply) -> Refusal {
    Refusal::Broken(format!("the ledger gave an unexpected reply: {reply:?}"))
}
