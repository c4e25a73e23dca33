//! What each action does, and what comes of it.

use bytes::Bytes;
use cortex_domain::audit::AuditEvent;
use cortex_domain::call::Called;
use cortex_domain::id::JobId;
use cortex_domain::policy::{Decision, DecisionView, PolicyRequest};
use cortex_domain::ports::{CommitError, Reply, StoreError};
use cortex_domain::state::Target;
use cortex_domain::subject::Subject;
use cortex_domain::time::Timestamp;
use cortex_domain::transition::Change;
use cortex_wire::{encode_assignment, encode_audit, encode_called, encode_cancel};

use super::{Caller, Driver};
use crate::core::{Action, Input, NotKept, NotSaved};

impl Driver {
    /// Does what an action says, and returns what the core has to know of it.
    pub(super) async fn execute(&self, action: Action<Caller>) -> Option<Input<Caller>> {
        match action {
            Action::Load { job } => Some(self.load(job).await),
            Action::Ask { ask, request } => {
                let job = request.job;
                let decision = self.decide(*request).await.map_err(|error| {
                    tracing::error!(%job, %error, "a job could not be judged");
                });
                Some(Input::Decided { job, ask, decision })
            }
            Action::Commit { change } => Some(self.commit(change).await),
            Action::Keep { job, log } => {
                let id = job.id();
                let outcome = self.store.keep(*job, log).await.map_err(|error| not_kept(id, &error));
                Some(Input::Kept { job: id, outcome })
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
            Action::Answer { reply, job, log, answer } => {
                if let Err(error) = self.store.record((*job).clone(), log).await {
                    tracing::warn!(job = %job.id(), %error, "a synchronous job was not recorded");
                }
                answer_with(reply, &Called::Ended { job, answer }).await;
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

    /// Asks the safety kernel, and tells what it decided on `sys.audit.event`.
    async fn decide(&self, request: PolicyRequest) -> Result<Decision, cortex_domain::ports::SafetyError> {
        let now = self.clock.now();
        let audit = Audit::about(&request);
        let decision = self.gate.check(request, now).await?;
        self.tell(Subject::AUDIT_EVENT, encode_audit(&audit.event(&decision, now))).await;
        Ok(decision)
    }

    /// Publishes what may be lost: whatever depends on it is repaired by leases and the reconciler.
    async fn tell(&self, subject: Subject, body: Bytes) {
        if let Err(error) = self.bus.publish(subject.clone(), body).await {
            tracing::debug!(%subject, %error, "not published");
        }
    }
}

fn not_kept(job: JobId, error: &StoreError) -> NotKept {
    match error {
        StoreError::Beyond(_) => NotKept::Full,
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

/// What an audit event says of a request.
struct Audit(AuditEvent);

impl Audit {
    fn about(request: &PolicyRequest) -> Self {
        Self(AuditEvent {
            at: Timestamp::default(),
            tenant: request.owner.tenant.clone(),
            principal: request.owner.principal.clone(),
            action: "policy.check".to_owned(),
            subject: request.job.to_string(),
            decision: String::new(),
            detail: String::new(),
            traceparent: request.traceparent.clone(),
        })
    }

    fn event(self, decision: &Decision, at: Timestamp) -> AuditEvent {
        let detail = match decision.view() {
            DecisionView::Allow(clearance) => clearance.rule.clone(),
            DecisionView::Deny(denial) | DecisionView::RequireHuman(denial) => denial.rule.clone(),
            DecisionView::Throttle { until } => format!("until {until}"),
        };
        AuditEvent { at, decision: decision.name().to_owned(), detail, ..self.0 }
    }
}
