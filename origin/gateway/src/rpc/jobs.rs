//! `cortex.v1.Jobs`.

use std::pin::Pin;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use cortex_domain::job::{Owner, Version};
use cortex_wire::v1;
use cortex_wire::v1::jobs_server::Jobs;
use futures::{Stream, StreamExt};
use tonic::{Request, Response, Status};

use super::status::status;
use super::{submit, view};
use crate::error;
use crate::gateway::Gateway;
use crate::jobs::{self, JobLog, LogInterrupted};

#[tonic::async_trait]
impl Jobs for Gateway {
    async fn submit(&self, call: Request<v1::SubmitRequest>) -> Result<Response<v1::JobView>, Status> {
        let job = async {
            let owner = caller(self, &call)?;
            let (metadata, _, request) = call.into_parts();
            let admitted = submit::admitted(owner, metadata.as_ref(), request)?;
            let job = self.jobs.accept(self.jobs.parse(admitted).await?).await?;
            self.jobs.with_result(&job).await
        };
        answer(job.await)
    }

    async fn get(&self, call: Request<v1::JobName>) -> Result<Response<v1::JobView>, Status> {
        let job = async {
            let owner = caller(self, &call)?;
            let job = self.jobs.get(&owner.tenant, id(&call)?).await?;
            self.jobs.with_result(&job).await
        };
        answer(job.await)
    }

    async fn cancel(&self, call: Request<v1::JobName>) -> Result<Response<v1::JobView>, Status> {
        let job = async {
            let owner = caller(self, &call)?;
            let job = jobs::cancel(&self.jobs, &self.calls, &owner, id(&call)?).await?;
            Ok(jobs::view(&job, None))
        };
        answer(job.await)
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::JobEvent, Status>> + Send>>;

    async fn watch(&self, call: Request<v1::JobName>) -> Result<Response<Self::WatchStream>, Status> {
        let owner = caller(self, &call).map_err(|problem| status(&problem))?;
        let id = id(&call).map_err(|problem| status(&problem))?;
        let log = JobLog::open(&self.jobs, &owner.tenant, id, Version(0)).await;
        let log = log.map_err(|problem| status(&problem))?;
        let slot = self.readers.register(&owner.tenant, log.job()).map_err(|problem| status(&problem))?;
        let events = log.follow().map(move |event| {
            let _reads = &slot;
            event.map(view::event).map_err(|cut| cut_off(&cut))
        });
        Ok(Response::new(Box::pin(events)))
    }
}

fn caller<T>(gateway: &Gateway, call: &Request<T>) -> Result<Owner, Problem> {
    gateway.authenticator.caller(call.metadata().as_ref())
}

/// Parses the id of a job. An invalid one counts as the id of a missing job.
fn id(call: &Request<v1::JobName>) -> Result<JobId, Problem> {
    call.get_ref().id.parse().map_err(|_| error::job_not_found())
}

fn answer(job: Result<cortex_api::JobView, Problem>) -> Result<Response<v1::JobView>, Status> {
    job.map(|job| Response::new(view::job(job))).map_err(|problem| status(&problem))
}

/// Returns the status of an interrupted watch. It must be an error, because a successful end means
/// that the last entry was sent.
fn cut_off(cut: &LogInterrupted) -> Status {
    match cut {
        LogInterrupted::Failed(problem) => status(problem),
        LogInterrupted::Stopping => {
            status(&Problem::new(ErrorCode::Unavailable, "the origin is shutting down: watch again later"))
        }
    }
}
