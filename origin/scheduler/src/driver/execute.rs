//! Executes each action and returns its outcome.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cortex_domain::flow::Assignment;
use cortex_domain::id::JobId;
use cortex_domain::policy::{Decision, PolicyRequest};
use cortex_domain::ports::{CommitError, RequestError, SafetyError, StoreError};
use cortex_domain::state::Target;
use cortex_domain::subject::Subject;
use cortex_domain::task::TaskReply;
use cortex_domain::transition::Change;
use cortex_wire::{decode_task_reply, encode_assignment, encode_call_reply, encode_cancel};

use cortex_platform::telemetry::{self, SpanKind};
use tracing::Instrument as _;

use super::{Caller, Driver};
use crate::core::{Action, DispatchOutcome, Input, Note, PersistError, SaveError};

/// How long a worker may take to receive a job and reply. A worker that takes longer may still run
/// it.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(60);

impl Driver {
    /// Executes an action, and returns what the core must know about it.
    pub(super) async fn execute(&self, action: Action<Caller>) -> Option<Input<Caller>> {
        match action {
            Action::Load { job } => Some(self.load(job).await),
            Action::Ask { ask, request } => {
                let job = request.job;
                let decision = self.ask(*request).await;
                match (&decision, self.gate_fails.swap(decision.is_err(), Ordering::Relaxed)) {
                    (Err(error), false) => {
                        tracing::error!(%job, %error, "the safety kernel is unreachable; jobs wait and calls are rejected");
                    }
                    (Err(error), true) => {
                        tracing::debug!(%job, %error, "the safety kernel did not decide about a job")
                    }
                    (Ok(_), true) => tracing::info!("the safety kernel is reachable again"),
                    (Ok(_), false) => {}
                }
                Some(Input::Decided { job, ask, decision: decision.map_err(drop) })
            }
            Action::Commit { change } => Some(self.commit(*change).await),
            Action::Persist { history } => {
                let job = history.job().id();
                let kept = {
                    let _permit = self.commits.acquire().await;
                    self.store.commit(*history).await
                };
                let outcome = kept.map(drop).map_err(|error| persist_error(job, &error));
                Some(Input::Persisted { job, outcome })
            }
            Action::Send { assignment } => {
                let request = assignment.request();
                let span = telemetry::exported_job_span(
                    "dispatch",
                    SpanKind::Producer,
                    request.id,
                    request.traceparent.as_deref(),
                );
                self.send(&assignment).instrument(span).await
            }
            Action::Abort { cancel } => {
                self.bus.publish(Subject::cancel(&cancel.worker), encode_cancel(&cancel));
                None
            }
            Action::Record { job, lease, entries, term } => {
                let taken = self.store.append(entries, term).await;
                if let Err(error) = &taken {
                    tracing::warn!(%job, %error, "a call was rejected because its decision could not be recorded");
                }
                Some(Input::Recorded { job, lease, taken: taken.is_ok() })
            }
            Action::Answer { reply, history, called } => {
                let job = history.job().id();
                self.metrics.reached(history.job().state.name());
                if let Err(error) = self.store.record(*history).await {
                    tracing::warn!(%job, %error, "a call that ended was not recorded");
                }
                reply.send(encode_call_reply(&called));
                None
            }
            // The chain of the action delivers the message again.
            Action::Leave => None,
            Action::Note(note) => {
                if matches!(note, Note::Lapsed { .. }) {
                    self.metrics.lapsed();
                }
                self.write(&note);
                None
            }
            Action::Reply { reply, called } => {
                reply.send(encode_call_reply(&called));
                None
            }
        }
    }

    async fn ask(&self, mut request: PolicyRequest) -> Result<Decision, SafetyError> {
        let span = telemetry::exported_job_span(
            "policy check",
            SpanKind::Client,
            request.job,
            request.traceparent.as_deref(),
        );
        request.traceparent = telemetry::traceparent(&span, request.traceparent.as_deref());
        let asked = Instant::now();
        let decision = self.gate.check(request, self.clock.now()).instrument(span.clone()).await;
        self.metrics.decided(decision.as_ref(), asked.elapsed());
        match &decision {
            Ok(decision) => telemetry::record(&span, telemetry::DECISION, decision.name()),
            Err(_) => telemetry::fail(&span, "unavailable"),
        }
        decision
    }

    async fn load(&self, job: JobId) -> Input<Caller> {
        let _permit = self.loads.acquire().await;
        let found = self.store.job(job).await.map(|job| job.map(Box::new)).map_err(|error| {
            if let Some(count) = self.unread.count(self.clock.uptime()) {
                tracing::warn!(%job, %error, count, "jobs could not be read; the scheduler tries again");
            }
        });
        Input::Loaded { job, found }
    }

    async fn commit(&self, change: Change) -> Input<Caller> {
        let job = change.job().id();
        let state = change.job().state.name();
        let committed = {
            let _permit = self.commits.acquire().await;
            self.store.commit(change).await
        };
        if committed.is_ok() {
            self.metrics.reached(state);
        }
        let outcome = committed.map(Box::new).map_err(|error| match error {
            CommitError::Conflict => SaveError::Conflict,
            CommitError::NoDraft => SaveError::NoDraft,
            CommitError::Store(StoreError::TermOver) => SaveError::TermOver,
            CommitError::Store(error) => {
                if let Some(count) = self.uncommitted.count(self.clock.uptime()) {
                    tracing::error!(%job, %error, count, "changes of jobs could not be committed; the scheduler tries again");
                }
                SaveError::Failed
            }
        });
        Input::Saved { job, outcome }
    }

    async fn send(&self, assignment: &Assignment) -> Option<Input<Caller>> {
        let (job, lease) = (assignment.job(), assignment.lease());
        let Target::Worker(worker) = assignment.target().clone() else { return None };
        let packet = encode_assignment(assignment);
        let replied = tokio::select! {
            replied = self.bus.request(Subject::of(assignment), packet, ACCEPT_TIMEOUT) => replied,
            () = self.stop.cancelled() => return None,
        };
        let outcome = match replied.as_deref().map(decode_task_reply) {
            Ok(Ok(TaskReply::Accepted)) => DispatchOutcome::Accepted,
            Ok(Ok(TaskReply::Started)) => DispatchOutcome::Started,
            Ok(Ok(TaskReply::Busy)) | Err(RequestError::NoResponder(_)) => {
                tracing::info!(%job, %worker, "a worker did not accept a job");
                DispatchOutcome::Refused
            }
            Ok(Err(error)) => {
                tracing::warn!(%job, %worker, %error, "a worker's reply could not be decoded");
                DispatchOutcome::Unanswered
            }
            Err(error) => {
                tracing::debug!(%job, %worker, %error, "a worker did not reply");
                DispatchOutcome::Unanswered
            }
        };
        self.metrics.sent(outcome);
        Some(Input::Sent { job, lease, worker, outcome })
    }
}

fn persist_error(job: JobId, error: &CommitError) -> PersistError {
    match error {
        CommitError::Store(StoreError::RetentionExceeded(_)) => PersistError::Full,
        error => {
            tracing::error!(%job, %error, "a call could not be made durable");
            PersistError::Failed
        }
    }
}
