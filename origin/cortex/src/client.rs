//! The API as this command calls it, at the edge or at the origin.

mod admin;
mod answer;
mod chat;
mod embed;
mod error;
mod follow;
mod http;
mod sse;

use std::time::{Duration, Instant};

use cortex_api::{
    CreateJobBody, EventPage, EventView, JobPage, JobView, ModelPage, ModelView, WorkerPage, WorkerView,
};
use cortex_domain::id::{IdempotencyKey, JobId};
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use reqwest::{Method, RequestBuilder, Url};

pub(crate) use admin::Admin;
pub(crate) use answer::Health;
pub(crate) use chat::{Asked, Said};
pub(crate) use error::{CallError, Refused};
pub(crate) use follow::{Follow, Told};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long a part may take to say how it does.
const HEALTH_DEADLINE: Duration = Duration::from_secs(3);

/// The API at one place, called with one key.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: Url,
    key: String,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    pub(crate) state: Option<StateName>,
    pub(crate) topic: Option<Topic>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

impl Api {
    /// # Errors
    /// If `url` is not an HTTP address.
    pub(crate) fn new(url: &str, key: &str) -> Result<Self, CallError> {
        let base = http::base(url)?;
        Ok(Self { http: http::client(&base)?, base, key: key.to_owned() })
    }

    /// Hands a job over; it is durable once this returns.
    ///
    /// # Errors
    /// If it can't be reached or refuses.
    pub(crate) async fn create(
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

    /// # Errors
    /// If it can't be reached or refuses.
    pub(crate) async fn job(&self, id: JobId) -> Result<JobView, CallError> {
        answer::read(self.request(Method::GET, self.of_job(id, None))).await
    }

    /// One page, newest first.
    ///
    /// # Errors
    /// If it can't be reached or refuses.
    pub(crate) async fn jobs(&self, listing: &Listing) -> Result<JobPage, CallError> {
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

    /// # Errors
    /// If it can't be reached or refuses, as it does for a job that has ended.
    pub(crate) async fn cancel(&self, id: JobId) -> Result<JobView, CallError> {
        answer::read(self.request(Method::POST, self.of_job(id, Some("cancel")))).await
    }

    /// A job's log as it stands.
    ///
    /// # Errors
    /// If it can't be reached or refuses.
    pub(crate) async fn events(&self, id: JobId) -> Result<Vec<EventView>, CallError> {
        let page: EventPage =
            answer::read(self.request(Method::GET, self.of_job(id, Some("events")))).await?;
        Ok(page.events)
    }

    /// A job's log as it grows, from its start.
    pub(crate) fn follow(&self, id: JobId) -> Follow {
        Follow::new(self.clone(), id)
    }

    /// # Errors
    /// If it can't be reached or refuses, as the edge does: it knows no workers.
    pub(crate) async fn workers(&self) -> Result<Vec<WorkerView>, CallError> {
        let page: WorkerPage =
            answer::read(self.request(Method::GET, self.at(&["api", "v1", "workers"]))).await?;
        Ok(page.workers)
    }

    /// # Errors
    /// If it can't be reached or refuses.
    pub(crate) async fn models(&self) -> Result<Vec<ModelView>, CallError> {
        let page: ModelPage = answer::read(self.request(Method::GET, self.at(&["v1", "models"]))).await?;
        Ok(page.data)
    }

    fn of_job(&self, id: JobId, part: Option<&str>) -> Url {
        let id = id.to_string();
        let mut path = vec!["api", "v1", "jobs", &id];
        path.extend(part);
        self.at(&path)
    }

    fn at(&self, path: &[&str]) -> Url {
        http::below(&self.base, path)
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url).bearer_auth(&self.key).timeout(DEADLINE)
    }

    fn stream(&self, id: JobId) -> RequestBuilder {
        self.http.get(self.of_job(id, Some("events"))).bearer_auth(&self.key)
    }
}

/// Asks a part how it does; no key is needed. An answer is good news, whatever it says.
///
/// # Errors
/// If it can't be reached.
pub(crate) async fn health(url: &str) -> Result<Health, CallError> {
    let base = http::base(url)?;
    let request = http::client(&base)?.get(http::below(&base, &["health"])).timeout(HEALTH_DEADLINE);
    let asked = Instant::now();
    answer::health(request, asked).await
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Api({}, ***)", self.base)
    }
}

#[cfg(test)]
mod tests;
