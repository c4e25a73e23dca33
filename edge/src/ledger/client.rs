//! Calls to a tenant's ledger.

use cortex_guard::api::{Applied, JobView, ListJobs, StateLine};
use cortex_guard::keys::KeyRecord;
use cortex_guard::signature::Verified;
use worker::{Env, Method, Request, RequestInit, Stub};

use super::call::{Call, Credential, Entry, Listing, NewJob, Place, Reply};
use crate::admit::unauthenticated;
use crate::deliver::Delivery;
use crate::refusal::{Refusal, not_found};

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
    pub(crate) fn of(env: &Env, tenant: &str) -> Result<Self, worker::Error> {
        Ok(Self(env.durable_object("LEDGER")?.get_by_name(&format!("tenant:{tenant}"))?))
    }

    /// The object that remembers the nonces of signed requests; tenants' names hold no colon.
    pub(crate) fn of_nonces(env: &Env) -> Result<Self, worker::Error> {
        Ok(Self(env.durable_object("LEDGER")?.get_by_name("nonces")?))
    }

    pub(crate) async fn check(&self, by: &KeyRecord) -> Result<(), Refusal> {
        self.done(&Call::Check { by: by.into() }).await.map(|_| ())
    }

    pub(crate) async fn record(&self, by: &KeyRecord, job: NewJob) -> Result<Reply, Refusal> {
        self.call(&Call::Record { by: by.into(), job: Box::new(job) }).await
    }

    /// What the ledger knows of a job; `None` if nothing, which doesn't mean that it isn't at the origin.
    pub(crate) async fn look(&self, by: &KeyRecord, job: String) -> Result<Option<Entry>, Refusal> {
        let by: Credential = by.into();
        self.found(&Call::Look { by, job }).await
    }

    /// The newest jobs that the ledger holds, or knows at all, and one more than asked for if there are more.
    pub(crate) async fn list(
        &self,
        by: &KeyRecord,
        asked: &ListJobs,
        all: bool,
    ) -> Result<Vec<JobView>, Refusal> {
        let listing = Listing {
            state: asked.state.map(|state| state.to_string()),
            topic: asked.topic.as_ref().map(ToString::to_string),
            before: asked.before.map(|job| job.to_string()),
            limit: asked.limit + 1,
            all,
        };
        match self.call(&Call::List { by: by.into(), listing }).await? {
            Reply::Jobs { jobs } => Ok(jobs),
            other => Err(unexpected(&other)),
        }
    }

    /// Cancels a job that waits in the ledger.
    pub(crate) async fn cancel(&self, by: &KeyRecord, job: String) -> Result<Cancel, Refusal> {
        let by: Credential = by.into();
        match self.call(&Call::Cancel { by, job: job.clone() }).await? {
            Reply::Cancelled { entry } => Ok(Cancel::Done(entry)),
            Reply::Found { entry } => Ok(match entry.place {
                Place::Ended => Cancel::Ended,
                Place::Waiting | Place::Sending => Cancel::Sending,
                Place::Origin => Cancel::AtOrigin(entry.origin_id),
            }),
            Reply::No => Ok(Cancel::AtOrigin(job)),
            other => Err(unexpected(&other)),
        }
    }

    /// Whether the caller is to deliver this job now.
    pub(crate) async fn take(&self, job: &str) -> Result<bool, String> {
        self.told(&Call::Take { job: job.to_owned() }).await
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

    async fn found(&self, call: &Call) -> Result<Option<Entry>, Refusal> {
        match self.call(call).await? {
            Reply::Found { entry } => Ok(Some(*entry)),
            Reply::No => Ok(None),
            other => Err(unexpected(&other)),
        }
    }

    async fn told(&self, call: &Call) -> Result<bool, String> {
        self.done(call).await.map_err(|refusal| refusal.into_problem().detail)
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
        match serde_json::from_str(&text)? {
            Reply::Revoked => Err(unauthenticated().into()),
            reply => Ok(reply),
        }
    }
}

fn unexpected(reply: &Reply) -> Refusal {
    Refusal::Broken(format!("the ledger gave an unexpected reply: {reply:?}"))
}
