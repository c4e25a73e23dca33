//! What every part of the scheduler shares.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cortex_domain::audit::AuditEvent;
use cortex_domain::flow::Accepted;
use cortex_domain::id::DispatchId;
use cortex_domain::job::{Job, Owner};
use cortex_domain::policy::{Decision, DecisionView, Gate, Question, clear};
use cortex_domain::ports::{Bus, JobStore, SafetyError, SafetyGate};
use cortex_domain::state::{Hold, State};
use cortex_domain::subject::Subject;
use cortex_domain::time::{Timestamp, Uptime};
use cortex_platform::clock::Clock;
use cortex_platform::entropy;
use cortex_wire::encode_audit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::board::Board;
use crate::settings::Settings;

pub(crate) struct Core {
    pub(crate) store: Arc<dyn JobStore>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) gate: Arc<dyn SafetyGate>,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    board: Mutex<Board>,
}

impl Core {
    pub(crate) fn new(
        store: Arc<dyn JobStore>,
        bus: Arc<dyn Bus>,
        gate: Arc<dyn SafetyGate>,
        clock: Clock,
        settings: Settings,
    ) -> Self {
        let board = Mutex::new(Board::new(&settings.sharing));
        Self {
            store,
            bus,
            gate,
            clock,
            settings,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            board,
        }
    }

    /// Never held across an await. A panic under it leaves at worst a slot taken until its lease lapses.
    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn uptime(&self) -> Uptime {
        self.clock.uptime()
    }

    pub(crate) fn new_dispatch() -> DispatchId {
        DispatchId::new(entropy::random())
    }

    /// Asks the safety kernel, and tells what it decided on `sys.audit.event`, where nothing in this program listens: it
    /// is for listeners to come, and no record until one keeps it.
    pub(crate) async fn clear(&self, accepted: Accepted) -> Result<Gate, SafetyError> {
        let job = accepted.job();
        let question = Question::about(&job.request, job.context());
        let decision = self.gate.check(question, self.now()).await?;
        let event = audit(job, &decision, self.now());
        self.tell(Subject::AUDIT_EVENT, encode_audit(&event)).await;
        Ok(clear(accepted, decision))
    }

    /// Publishes what may be lost: whatever hangs on it is repaired by leases and the reconciler.
    pub(crate) async fn tell(&self, subject: Subject, body: Bytes) {
        if let Err(error) = self.bus.publish(subject.clone(), body).await {
            tracing::debug!(%subject, %error, "not published");
        }
    }
}

fn audit(job: &Job, decision: &Decision, at: Timestamp) -> AuditEvent {
    let Owner { tenant, principal, .. } = &job.request.owner;
    AuditEvent {
        at,
        tenant: tenant.clone(),
        principal: principal.clone(),
        action: "policy.check".to_owned(),
        subject: job.id().to_string(),
        decision: decision.name().to_owned(),
        detail: match decision.view() {
            DecisionView::Allow(clearance) => clearance.rule.clone(),
            DecisionView::Deny(denial) | DecisionView::RequireHuman(denial) => denial.rule.clone(),
            DecisionView::Throttle { until } => format!("until {until}"),
        },
        traceparent: job.request.traceparent.clone(),
    }
}

/// When a job that is pending comes back by itself, if it does.
pub(crate) fn comes_back(state: &State) -> Option<Timestamp> {
    match state {
        State::Pending { hold: Hold::NotBefore { at } | Hold::Throttled { until: at } } => Some(*at),
        _ => None,
    }
}
