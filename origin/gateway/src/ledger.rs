//! Tells the edge's ledger where jobs stand, so that their callers learn it with the origin away.

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
/// How long to trust that the store says when there is more.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How long a stop may be held up by reports that are left.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the edge may take to answer a report.
const REPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between attempts to report.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(60) };

/// The edge, as the origin reaches it.
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

/// Why a report did not arrive.
#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a job cancelled at the edge could not be ended: {0}")]
    Cancel(#[from] CommitError),
    #[error("the report could not be signed: {0}")]
    Sign(#[from] Ambiguous),
    #[error("the edge could not be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
    #[error("the report could not be written: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the edge answered {0}")]
    Refused(reqwest::StatusCode),
}

impl Edge {
    /// # Errors
    /// If the system has no TLS to offer.
    pub fn new(url: Url, keys: Keyring, clock: Clock) -> Result<Self, reqwest::Error> {
        let client =
            Client::builder().timeout(REPORT_TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { url, keys, client, clock })
    }

    /// Reports every step, oldest first, until `stop`, and then what is left, so that callers can read how
    /// their jobs ended while the origin is away. The edge ignores what it knows better, so that a report may
    /// be repeated.
    pub async fn run_reporter(self, store: Arc<dyn Store>, stop: CancellationToken) {
        self.register_cursor(store.as_ref()).await;
        self.report_until(store.as_ref(), &stop).await;
        let rest = async { while let Ok(true) = self.report_page(store.as_ref()).await {} };
        if tokio::time::timeout(FLUSH_TIMEOUT, rest).await.is_err() {
            tracing::warn!("the edge was not told of every job before the end");
        }
    }

    /// Enters the edge among those that read the steps, so that what it has not been told yet is kept for it.
    async fn register_cursor(&self, store: &dyn Store) {
        let registered = match store.cursor(CURSOR_NAME).await {
            Ok(cursor) => store.set_cursor(CURSOR_NAME, cursor).await,
            Err(error) => Err(error),
        };
        if let Err(error) = registered {
            tracing::warn!(%error, "the edge's place among the steps could not be noted");
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
                    tracing::warn!(%error, retry_in = ?wait, "the edge was not told where jobs stand");
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

    /// Whether there was something to tell.
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

    /// Ends a job that was cancelled at the edge. One that has moved is told of again, and tried again then.
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

/// The last step of each job.
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
