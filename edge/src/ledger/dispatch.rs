//! Passes each request to its handler.

use cortex_guard::keys::Caller;
use worker::{Error, Result};

use super::jobs::requests::{
    AcceptJob, BuryJob, CancelJob, ClaimKey, ListJobs, LookAtJob, ReportStates, SettleJob, TakeJob,
};
use super::keys::requests::{ListKeys, NoteRevocationDelivered, PutKey, RevokeKey};
use super::object::Ledger;
use super::requests::{AsCaller, CallerReply, LedgerRequest, WhoCalls};
use crate::object::request::{Answers, Request};

impl Ledger {
    pub(super) async fn dispatch(&self, path: &str, body: &str) -> Result<String> {
        match path {
            WhoCalls::PATH => self.serve::<AsCaller<WhoCalls>>(body).await,
            AcceptJob::PATH => self.serve::<AsCaller<AcceptJob>>(body).await,
            ClaimKey::PATH => self.serve::<AsCaller<ClaimKey>>(body).await,
            LookAtJob::PATH => self.serve::<AsCaller<LookAtJob>>(body).await,
            ListJobs::PATH => self.serve::<AsCaller<ListJobs>>(body).await,
            CancelJob::PATH => self.serve::<AsCaller<CancelJob>>(body).await,
            TakeJob::PATH => self.serve::<TakeJob>(body).await,
            SettleJob::PATH => self.serve::<SettleJob>(body).await,
            BuryJob::PATH => self.serve::<BuryJob>(body).await,
            ReportStates::PATH => self.serve::<ReportStates>(body).await,
            PutKey::PATH => self.serve::<PutKey>(body).await,
            ListKeys::PATH => self.serve::<ListKeys>(body).await,
            RevokeKey::PATH => self.serve::<RevokeKey>(body).await,
            NoteRevocationDelivered::PATH => self.serve::<NoteRevocationDelivered>(body).await,
            _ => Err(Error::RustError(format!("the ledger has no request {path}"))),
        }
    }

    async fn serve<R: LedgerRequest>(&self, body: &str) -> Result<String>
    where
        Self: Answers<R>,
    {
        let request: R = serde_json::from_str(body)?;
        if !self.has_tables() {
            if let Some(reply) = request.of_empty() {
                return Ok(serde_json::to_string(&reply)?);
            }
            self.make_tables()?;
        }
        Ok(serde_json::to_string(&self.answer(request).await?)?)
    }
}

/// Implemented for the requests of callers.
pub(super) trait AnswersCaller<A: Request> {
    async fn answer_caller(&self, asked: A, by: &Caller) -> Result<A::Reply>;
}

impl<A: Request> Answers<AsCaller<A>> for Ledger
where
    Self: AnswersCaller<A>,
{
    async fn answer(&self, AsCaller(key, asked): AsCaller<A>) -> Result<Option<CallerReply<A::Reply>>> {
        let Some(caller) = self.caller(&key)? else { return Ok(None) };
        let reply = self.answer_caller(asked, &caller).await?;
        Ok(Some(CallerReply(caller, reply)))
    }
}

impl AnswersCaller<WhoCalls> for Ledger {
    async fn answer_caller(&self, _: WhoCalls, _: &Caller) -> Result<()> {
        Ok(())
    }
}
