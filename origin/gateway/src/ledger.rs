//! Reports the states of jobs to the edge's ledger, so that callers can read them while the origin
//! is offline.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cortex_api::{Applied, MAX_STATES, StateLine, StateReport};
use cortex_domain::backoff::Backoff;
use cortex_domain::event::Event;
use cortex_domain::id::JobId;
use cortex_domain::ports::{CommitError, JobStep, Store, StoreError};
use cortex_domain::transition::Change;
use cortex_guard::signature::{Ambiguous, Keyring, Nonce, Request, sign};
use cortex_platform::clock::Clock;
use cortex_platform::entropy;
use reqwest::{Client, Url};
use tokio_util::sync::CancellationToken;

const PATH: &str = "/internal/ledger/states";
const CURSOR_NAME: &str = "edge-ledger";
/// How long to rely on notifications of the store before reading again.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How long remaining reports may delay a shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the edge may take to respond to a report.
const REPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// The delays between attempts to report.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(60) };

/// A client of the edge, which signs its reports.
pub struct Edge {
    url: Url,
    keys: Keyring,
    client: Client,
    clock: Clock,
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// Why a report failed.
#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the job was cancelled at the edge, but the origin could not cancel it: {0}")]
    Cancel(#[from] CommitError),
    #[error("can't sign the report: {0}")]
    Sign(#[from] Ambiguous),
    #[error("can't reach the edge: {0}")]
    Unreachable(#[from] reqwest::Error),
    #[error("can't write the report: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the edge returned {0}")]
    Refused(reqwest::StatusCode),
}

impl Edge {
    /// Creates a client.
    ///
    /// # Errors
    /// Returns an error if TLS is unavailable.
    pub fn new(url: Url, keys: Keyring, clock: Clock) -> Result<Self, reqwest::Error> {
        let client =
            Client::builder().timeout(REPORT_TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { url, keys, client, clock })
    }

    /// Reports every step, the oldest first, until `stop`, and then the remaining ones. Callers can
    /// then read how their jobs ended while the origin is offline. The edge ignores outdated
    /// states, so a report may be repeated.
    pub async fn run_reporter(self, store: Arc<dyn Store>, stop: CancellationToken) {
        self.register_cursor(store.as_ref()).await;
        self.report_until(store.as_ref(), &stop).await;
        let rest = async { while let Ok(true) = self.report_page(store.as_ref()).await {} };
        if tokio::time::timeout(FLUSH_TIMEOUT, rest).await.is_err() {
            tracing::warn!("the edge did not receive every job state before the shutdown");
        }
    }

    /// Registers the edge's cursor, so that the store keeps the steps that the edge has not
    /// received.
    async fn register_cursor(&self, store: &dyn Store) {
        let registered = match store.cursor(CURSOR_NAME).await {
            Ok(cursor) => store.set_cursor(CURSOR_NAME, cursor).await,
            Err(error) => Err(error),
        };
        if let Err(error) = registered {
            tracing::warn!(%error, "the edge's cursor could not be stored");
        }
    }

    async fn report_until(&self, store: &dyn Store, stop: &CancellationToken) {
        let (mut failures, mut seen) = (0_u32, 0);
        loop {
            let reported = tokio::select! {
                () = stop.cancelled() => return,
                reported = self.report_page(store) => reported,
            };
            let pause = match reported {
                Ok(true) => {
                    failures = 0;
                    continue;
                }
                Ok(false) => POLL_INTERVAL,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let wait = BACKOFF.wait(failures, entropy::fraction());
                    tracing::warn!(%error, retry_in = ?wait, "the edge did not receive the job states");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(wait) => {}
                    }
                    continue;
                }
            };
            failures = 0;
            tokio::select! {
                () = stop.cancelled() => return,
                now = store.changed(seen) => seen = now,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Reports a page of steps. Returns whether there were any.
    async fn report_page(&self, store: &dyn Store) -> Result<bool, ReportError> {
        let after = store.cursor(CURSOR_NAME).await?;
        let steps = store.steps(after, MAX_STATES).await?;
        let Some(last) = steps.last().map(|step| step.sequence) else { return Ok(false) };
        let applied = self.send(latest(&steps)).await?;
        for job in applied.cancelled {
            self.cancel(store, job).await?;
        }
        store.set_cursor(CURSOR_NAME, last).await?;
        Ok(true)
    }

    /// Cancels a job that was cancelled at the edge. A job that changes meanwhile is reported and
    /// cancelled again.
    async fn cancel(&self, store: &dyn Store, id: JobId) -> Result<(), ReportError> {
        let Some(job) = store.job(id).await? else { return Ok(()) };
        let event = Event::Cancelled { reason: "cancelled at the edge".to_owned() };
        let Ok(change) = Change::of(job).then(event, self.clock.now()) else { return Ok(()) };
        match store.commit(change).await {
            Ok(_) | Err(CommitError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn send(&self, states: Vec<StateLine>) -> Result<Applied, ReportError> {
        let body = serde_json::to_vec(&StateReport { states })?;
        let content_type = "application/json";
        let request = Request { method: "POST", path: PATH, query: "", content_type, body: &body };
        let nonce = Nonce::new(entropy::random());
        let accept = [("accept", content_type)];
        let signature = sign(&request, accept, self.keys.current(), self.clock.now(), nonce)?;
        let mut url = self.url.clone();
        url.set_path(PATH);
        let mut post =
            self.client.post(url).header("content-type", content_type).header("accept", content_type);
        for (name, value) in signature {
            post = post.header(name, value);
        }
        let answer = post.body(body).send().await?;
        if !answer.status().is_success() {
            return Err(ReportError::Refused(answer.status()));
        }
        Ok(answer.json().await?)
    }
}

/// Returns the last step of each job.
fn latest(steps: &[JobStep]) -> Vec<StateLine> {
    let mut jobs: BTreeMap<JobId, &JobStep> = BTreeMap::new();
    for step in steps {
        jobs.insert(step.job, step);
    }
    let line = |step: &JobStep| StateLine {
        tenant: step.tenant.clone(),
        job: step.job,
        version: step.version.0,
        state: step.state,
        at: step.at,
    };
    jobs.into_values().map(line).collect()
}
