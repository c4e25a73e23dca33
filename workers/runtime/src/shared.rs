//! State that a worker's loop, its runs and its heartbeat share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cortex_domain::flow::{End, Outcome};
use cortex_domain::task::Task;
use cortex_domain::worker::{Heartbeat, HeldLease};
use cortex_link::origin::{Origin, Report};
use cortex_platform::memory;
use cortex_platform::telemetry::{self, SpanKind};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use crate::engine::{Engine, Profile};
use crate::in_flight::InFlight;
use crate::latency::Latency;
use crate::metrics::{Metrics, outcome};
use crate::progress::ProgressSender;
use crate::run::{Dispatch, DispatchEnd};
use crate::settings::Settings;

/// State that the loop, the runs and the heartbeat share.
pub(crate) struct Shared {
    settings: Settings,
    engine: Arc<dyn Engine>,
    profile: Profile,
    capacity: u32,
    in_flight: Mutex<InFlight>,
    latency: Mutex<Latency>,
    metrics: Metrics,
}

impl Shared {
    pub(crate) fn new(settings: Settings, engine: Arc<dyn Engine>) -> Self {
        let profile = engine.profile();
        let capacity = settings.capacity.unwrap_or(profile.capacity);
        let (in_flight, latency) = (Mutex::new(InFlight::new(capacity)), Mutex::default());
        let metrics = Metrics::default();
        metrics.set_capacity(capacity);
        Self { settings, engine, profile, capacity, in_flight, latency, metrics }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Runs a dispatch and reports how it ended.
    pub(crate) async fn run(&self, dispatch: Dispatch, origin: Arc<dyn Origin>) {
        let held = HeldLease { job: dispatch.task.job, lease: dispatch.task.lease };
        let draft = dispatch.task.draft;
        let span = self.span(&dispatch.task);
        let _running = self.metrics.start();
        let progress = ProgressSender::new(held, self.settings.id.clone(), Arc::clone(&origin));
        let began = Instant::now();
        match dispatch.run(self.engine.as_ref(), &progress).instrument(span.clone()).await {
            DispatchEnd::Stopped => {
                self.metrics.ended(outcome(None), began.elapsed());
                self.in_flight().finish(held.lease, None);
            }
            DispatchEnd::Reported { end, answer, run } => {
                self.latency().count(run);
                let outcome = outcome(Some(&end));
                self.metrics.ended(outcome, run);
                if let End::Failed { failure } = &end {
                    telemetry::fail(&span, failure.code.slug());
                }
                tracing::debug!(parent: &span, outcome, took = ?run, "a run ended");
                drop(span);
                let answer = answer.map(|answer| (draft, answer));
                let report = Report { draft: answer, ..self.report(held, end) };
                self.in_flight().finish(held.lease, Some(report.clone()));
                self.hand_over(origin.as_ref(), report).await;
            }
        }
    }

    /// Starts the span of a run, which continues the trace of the job's request.
    fn span(&self, task: &Task) -> Span {
        let span = telemetry::job_span("run", SpanKind::Consumer, task.job, task.traceparent.as_deref());
        telemetry::record(&span, telemetry::TOPIC, task.topic.as_str());
        telemetry::record(&span, telemetry::TENANT, task.owner.tenant.as_str());
        telemetry::record(&span, telemetry::WORKER, self.settings.id.as_str());
        span
    }

    /// Sends a report. One that does not arrive is sent again when the origin is back.
    pub(crate) async fn hand_over(&self, origin: &dyn Origin, report: Report) {
        let lease = report.outcome.lease;
        if origin.report(report).await.is_ok() {
            self.in_flight().mark_sent(lease, Instant::now());
        }
    }

    /// Returns when the engine's models have changed.
    pub(crate) async fn changed(&self) {
        self.engine.changed().await;
    }

    pub(crate) fn heartbeat(&self) -> Heartbeat {
        let (held, draining) = {
            let in_flight = self.in_flight();
            (in_flight.held(), in_flight.is_draining())
        };
        let Profile { kind, pool, topics, .. } = self.profile.clone();
        Heartbeat {
            held,
            draining,
            models: self.engine.models(),
            latency: self.latency().counts(),
            region: self.settings.region.clone(),
            labels: self.settings.labels.clone(),
            pid: std::process::id(),
            resident: memory::resident(),
            memory_free: self.engine.memory_free(),
            ..Heartbeat::new(self.settings.id.clone(), kind, pool, topics, self.capacity)
        }
    }

    pub(crate) fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn latency(&self) -> MutexGuard<'_, Latency> {
        self.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn report(&self, held: HeldLease, end: End) -> Report {
        let worker = self.settings.id.clone();
        Report { outcome: Outcome { job: held.job, lease: held.lease, worker, end }, draft: None }
    }
}
