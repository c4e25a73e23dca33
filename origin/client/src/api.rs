//! The API at one address.

use std::time::{Duration, Instant};

use cortex_api::{
    CreateJobBody, EventPage, EventView, JobPage, JobView, ModelPage, ModelView, WorkerPage, WorkerView,
};
use cortex_domain::id::{IdempotencyKey, JobId};
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use reqwest::{Method, RequestBuilder, Url};

use crate::follow::Follow;
use crate::{CallError, Health, answer, http};

/// How long an answer may take.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a part may take to say how it does.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// The API at one place, called with one key.
#[derive(Clone)]
pub struct Api {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) key: String,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub state: Option<StateName>,
    pub topic: Option<Topic>,
    pub limit: Option<usize>,
    pub cursor: Option<String>,
}

impl Api {
    /// Returns the API at `url`, called with `key`.
    ///
    /// # Errors
    /// Returns an error if `url` is not an HTTP address.
    pub fn new(url: &str, key: &str) -> Result<Self, CallError> {
        let base = http::base(url)?;
        Ok(Self { http: http::client(&base)?, base, key: key.to_owned() })
    }

    /// Submits a job, which is durable once this returns.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses.
    pub async fn create(
        &self,
        body: &CreateJobBody,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<JobView, CallError> {
        let mut request = self.request(Method::POST, self.at(&["api", "v1", "jobs"])).json(body);
        if let Some(key) = idempotency {
            request = request.header(cortex_api::headers::IDEMPOTENCY_KEY, key.as_str());
        }
        answer::read(request).await
    }

    /// Returns a job as it stands.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses.
    pub async fn job(&self, id: JobId) -> Result<JobView, CallError> {
        answer::read(self.request(Method::GET, self.of_job(id, None))).await
    }

    /// Returns one page of jobs, newest first.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses.
    pub async fn jobs(&self, listing: &Listing) -> Result<JobPage, CallError> {
        let mut url = self.at(&["api", "v1", "jobs"]);
        for (name, value) in [
            ("state", listing.state.map(|state| state.to_string())),
            ("topic", listing.topic.as_ref().map(ToString::to_string)),
            ("limit", listing.limit.map(|limit| limit.to_string())),
            ("cursor", listing.cursor.clone()),
        ] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        answer::read(self.request(Method::GET, url)).await
    }

    /// Cancels a job.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses, as it does for a job that has ended.
    pub async fn cancel(&self, id: JobId) -> Result<JobView, CallError> {
        answer::read(self.request(Method::POST, self.of_job(id, Some("cancel")))).await
    }

    /// Returns a job's log as it stands.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses.
    pub async fn events(&self, id: JobId) -> Result<Vec<EventView>, CallError> {
        let page: EventPage =
            answer::read(self.request(Method::GET, self.of_job(id, Some("events")))).await?;
        Ok(page.events)
    }

    /// Follows a job's log from its start to its end.
    pub fn follow(&self, id: JobId) -> Follow {
        Follow::new(self.clone(), id)
    }

    /// Returns the workers that are connected.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses, as the edge does: it knows no workers.
    pub async fn workers(&self) -> Result<Vec<WorkerView>, CallError> {
        let page: WorkerPage =
            answer::read(self.request(Method::GET, self.at(&["api", "v1", "workers"]))).await?;
        Ok(page.workers)
    }

    /// Returns the models that can be asked for.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses.
    pub async fn models(&self) -> Result<Vec<ModelView>, CallError> {
        let page: ModelPage = answer::read(self.request(Method::GET, self.at(&["v1", "models"]))).await?;
        Ok(page.data)
    }

    fn of_job(&self, id: JobId, part: Option<&str>) -> Url {
        let id = id.to_string();
        let mut path = vec!["api", "v1", "jobs", &id];
        path.extend(part);
        self.at(&path)
    }

    pub(crate) fn at(&self, path: &[&str]) -> Url {
        http::below(&self.base, path)
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url).bearer_auth(&self.key).timeout(ANSWER_TIMEOUT)
    }

    pub(crate) fn stream(&self, id: JobId) -> RequestBuilder {
        self.http.get(self.of_job(id, Some("events"))).bearer_auth(&self.key)
    }
}

/// Asks a part for its health, which needs no key. Any answer counts, whatever it says.
///
/// # Errors
/// Returns an error if it can't be reached.
pub async fn health(url: &str) -> Result<Health, CallError> {
    let base = http::base(url)?;
    let request = http::client(&base)?.get(http::below(&base, &["health"])).timeout(HEALTH_TIMEOUT);
    let asked = Instant::now();
    answer::health(request, asked).await
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Api({}, ***)", self.base)
    }
}
