//! A client of the API at one address.

use std::time::{Duration, Instant};

use cortex_api::{
    CreateJobBody, EventPage, EventView, JobPage, JobView, ModelPage, ModelView, WorkerPage, WorkerView,
};
use cortex_domain::id::{IdempotencyKey, JobId};
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use reqwest::{Method, RequestBuilder, Url};

use crate::follow::JobFollower;
use crate::{CallError, Health, http, response};

/// How long a response may take.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a health check may take.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// A client of the API at one address, with one key.
#[derive(Clone)]
pub struct Api {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) key: String,
}

/// Selects the jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobQuery {
    pub state: Option<StateName>,
    pub topic: Option<Topic>,
    pub limit: Option<usize>,
    pub cursor: Option<String>,
}

impl Api {
    /// Returns a client of the API at `url` that authenticates with `key`.
    ///
    /// # Errors
    /// Returns an error if `url` is not an HTTP address.
    pub fn new(url: &str, key: &str) -> Result<Self, CallError> {
        let base = http::parse_base(url)?;
        Ok(Self { http: http::client(&base)?, base, key: key.to_owned() })
    }

    /// Submits a job. The job is durable once this returns.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses the request.
    pub async fn create(
        &self,
        body: &CreateJobBody,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<JobView, CallError> {
        let mut request = self.request(Method::POST, self.endpoint(&["api", "v1", "jobs"])).json(body);
        if let Some(key) = idempotency {
            request = request.header(cortex_api::headers::IDEMPOTENCY_KEY, key.as_str());
        }
        response::read(request).await
    }

    /// Returns a job in its current state.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses the request.
    pub async fn job(&self, id: JobId) -> Result<JobView, CallError> {
        response::read(self.request(Method::GET, self.job_endpoint(id, None))).await
    }

    /// Returns one page of jobs, newest first.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses the request.
    pub async fn jobs(&self, query: &JobQuery) -> Result<JobPage, CallError> {
        let mut url = self.endpoint(&["api", "v1", "jobs"]);
        for (name, value) in [
            ("state", query.state.map(|state| state.to_string())),
            ("topic", query.topic.as_ref().map(ToString::to_string)),
            ("limit", query.limit.map(|limit| limit.to_string())),
            ("cursor", query.cursor.clone()),
        ] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        response::read(self.request(Method::GET, url)).await
    }

    /// Cancels a job.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses the request, or if the job has
    /// ended.
    pub async fn cancel(&self, id: JobId) -> Result<JobView, CallError> {
        response::read(self.request(Method::POST, self.job_endpoint(id, Some("cancel")))).await
    }

    /// Returns the events of a job so far.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses the request.
    pub async fn events(&self, id: JobId) -> Result<Vec<EventView>, CallError> {
        let page: EventPage =
            response::read(self.request(Method::GET, self.job_endpoint(id, Some("events")))).await?;
        Ok(page.events)
    }

    /// Follows a job's events from the first to the last.
    pub fn follow(&self, id: JobId) -> JobFollower {
        JobFollower::new(self.clone(), id)
    }

    /// Returns the connected workers.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses the request. The edge always refuses
    /// it: only the origin knows the workers.
    pub async fn workers(&self) -> Result<Vec<WorkerView>, CallError> {
        let page: WorkerPage =
            response::read(self.request(Method::GET, self.endpoint(&["api", "v1", "workers"]))).await?;
        Ok(page.workers)
    }

    /// Returns the models that requests may name.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses the request.
    pub async fn models(&self) -> Result<Vec<ModelView>, CallError> {
        let page: ModelPage =
            response::read(self.request(Method::GET, self.endpoint(&["v1", "models"]))).await?;
        Ok(page.data)
    }

    fn job_endpoint(&self, id: JobId, action: Option<&str>) -> Url {
        let id = id.to_string();
        let mut path = vec!["api", "v1", "jobs", &id];
        path.extend(action);
        self.endpoint(&path)
    }

    pub(crate) fn endpoint(&self, path: &[&str]) -> Url {
        http::endpoint(&self.base, path)
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url).bearer_auth(&self.key).timeout(RESPONSE_TIMEOUT)
    }

    pub(crate) fn stream(&self, id: JobId) -> RequestBuilder {
        self.http.get(self.job_endpoint(id, Some("events"))).bearer_auth(&self.key)
    }
}

/// Requests the health of a component, which needs no key. A response with any status is a result.
///
/// # Errors
/// Returns an error if the component can't be reached.
pub async fn health(url: &str) -> Result<Health, CallError> {
    let base = http::parse_base(url)?;
    let request = http::client(&base)?.get(http::endpoint(&base, &["health"])).timeout(HEALTH_TIMEOUT);
    let sent = Instant::now();
    response::health(request, sent).await
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Api({}, ***)", self.base)
    }
}
