//! What each action does, and what comes of it.

use bytes::Bytes;
use cortex_domain::call::Called;
use cortex_domain::id::JobId;
use cortex_domain::ports::{CommitError, Reply, StoreError};
use cortex_domain::state::Target;
use cortex_domain::subject::Subject;
use cortex_domain::transition::Change;
use cortex_wire::{encode_assignment, encode_called, encode_cancel};

use super::{Caller, Driver};
use crate::core::{Action, Input, NotKept, NotSaved};

impl Driver {
    /// Does what an action says, and returns what the core has to know of it.
    pub(super) async fn execute(&self, action: Action<Caller>) -> Option<Input<Caller>> {
        match action {
            Action::Load { job } => Some(self.load(job).await),
            Action::Ask { ask, request } => {
                let job = request.job;
                let decision = self.gate.check(*request, self.clock.now()).await.map_err(|error| {
                    tracing::error!(%job, %error, "a job could not be judged");
                });
                Some(Input::Decided { job, ask, decision })
            }
            Action::Commit { change } => Some(self.commit(*change).await),
            Action::Keep { history } => {
                let job = history.job().id();
                let kept = self.store.commit(*history).await;
                let outcome = kept.map(drop).map_err(|error| not_kept(job, &error));
                Some(Input::Kept { job, outcome })
            }
            Action::Send { assignment } => {
                let (job, lease) = (assignment.job(), assignment.lease());
                let Target::Worker(worker) = assignment.target().clone() else { return None };
                let sent = self.bus.publish(Subject::of(&assignment), encode_assignment(&assignment)).await;
                if let Err(error) = &sent {
                    tracing::info!(%job, %error, "a worker could not be reached");
                }
                Some(Input::Sent { job, lease, worker, accepted: sent.is_ok() })
            }
            Action::Abort { cancel } => {
                self.tell(Subject::JOB_CANCEL, encode_cancel(&cancel)).await;
                None
            }
            Action::Record { job, lease, entries } => {
                let taken = self.store.append(entries).await;
                if let Err(error) = &taken {
                    tracing::warn!(%job, %error, "a call is not sent, since its decision could not be recorded");
                }
                Some(Input::Recorded { job, lease, taken: taken.is_ok() })
            }
            Action::Answer { reply, history, called } => {
                let job = history.job().id();
                if let Err(error) = self.store.record(*history).await {
                    tracing::warn!(%job, %error, "a synchronous job was not recorded");
                }
                answer_with(reply, &called).await;
                None
            }
            Action::Reply { reply, called } => {
                answer_with(reply, &called).await;
                None
            }
        }
    }

    async fn load(&self, job: JobId) -> Input<Caller> {
        let found = self.store.job(job).await.map(|job| job.map(Box::new)).map_err(|error| {
            tracing::warn!(%job, %error, "a job could not be read; it is tried again");
        });
        Input::Loaded { job, found }
    }

    async fn commit(&self, change: Change) -> Input<Caller> {
        let job = change.job().id();
        let outcome = self.store.commit(change).await.map(Box::new).map_err(|error| match error {
            CommitError::Conflict => NotSaved::Conflict,
            CommitError::NoDraft => NotSaved::NoDraft,
            CommitError::Store(error) => {
                tracing::error!(%job, %error, "a step could not be committed; it is tried again");
                NotSaved::Failed
            }
        });
        Input::Saved { job, outcome }
    }

    /// Publishes what may be lost: whatever depends on it is repaired by leases and the reconciler.
    async fn tell(&self, subject: Subject, body: Bytes) {
        if let Err(error) = self.bus.publish(subject.clone(), body).await {
            tracing::debug!(%subject, %error, "not published");
        }
    }
}

fn not_kept(job: JobId, error: &CommitError) -> NotKept {
    match error {
        CommitError::Store(StoreError::Beyond(_)) => NotKept::Full,
        error => {
            tracing::error!(%job, %error, "a call could not be made durable");
            NotKept::Failed
        }
    }
}

async fn answer_with(reply: Box<dyn Reply>, called: &Called) {
    if let Err(error) = reply.send(encode_called(called)).await {
        tracing::debug!(%error, "the caller is gone");
    }
}
