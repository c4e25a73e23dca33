//! `cortex.v1.Jobs`.

use std::pin::Pin;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::job::{Owner, Version};
use cortex_wire::v1;
use cortex_wire::v1::jobs_server::Jobs;
use futures::{Stream, StreamExt};
use tonic::{Request, Response, Status};

use super::status::status;
use super::{submit, view};
use crate::gateway::Gateway;
use crate::jobs::{self, Cut, Log};

#[tonic::async_trait]
impl Jobs for Gateway {
    async fn submit(&self, call: Request<v1::SubmitRequest>) -> Result<Response<v1::JobView>, Status> {
        let job = async {
            let owner = caller(self, &call)?;
            let (metadata, _, asked) = call.into_parts();
            let admitted = submit::admitted(owner, metadata.as_ref(), asked)?;
            let job = jobs::accept(&self.inner, jobs::read(&self.inner, admitted).await?).await?;
            jobs::whole(&self.inner, &job).await
        };
        answer(job.await)
    }

    async fn get(&self, call: Request<v1::JobName>) -> Result<Response<v1::JobView>, Status> {
        let job = async {
            let owner = caller(self, &call)?;
            let job = jobs::own(&self.inner, &owner.tenant, &call.get_ref().id).await?;
            jobs::whole(&self.inner, &job).await
        };
        answer(job.await)
    }

    async fn cancel(&self, call: Request<v1::JobName>) -> Result<Response<v1::JobView>, Status> {
        let job = async {
            let owner = caller(self, &call)?;
            let job = jobs::end(&self.inner, &owner, &call.get_ref().id).await?;
            Ok(jobs::view(&job, None))
        };
        answer(job.await)
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::JobEvent, Status>> + Send>>;

    async fn watch(&self, call: Request<v1::JobName>) -> Result<Response<Self::WatchStream>, Status> {
        let owner = caller(self, &call).map_err(|problem| status(&problem))?;
        let log = Log::open(&self.inner, &owner.tenant, &call.get_ref().id, Version(0)).await;
        let log = log.map_err(|problem| status(&problem))?;
        let place = self.inner.readers.enter(&owner.tenant, log.job()).map_err(|problem| status(&problem))?;
        let events = log.follow().map(move |told| {
            let _reads = &place;
            told.map(view::event).map_err(|cut| cut_off(&cut))
        });
        Ok(Response::new(Box::pin(events)))
    }
}

fn caller<T>(gateway: &Gateway, call: &Request<T>) -> Result<Owner, Problem> {
    gateway.inner.door.caller(call.metadata().as_ref())
}

fn answer(job: Result<cortex_api::JobView, Problem>) -> Result<Response<v1::JobView>, Status> {
    job.map(|job| Response::new(view::job(job))).map_err(|problem| status(&problem))
}

/// A watch that ends well has told the terminal entry, so one that is cut ends badly.
fn cut_off(cut: &Cut) -> Status {
    match cut {
        Cut::Failed(problem) => status(problem),
        Cut::Stopping => {
            status(&Problem::new(ErrorCode::Unavailable, "the origin is shutting down; watch again later"))
        }
    }
}
