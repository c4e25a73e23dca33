//! Synchronous embeddings.

use cortex_api::{EmbeddingsResponse, headers};
use cortex_domain::id::JobId;
use reqwest::Method;
use serde_json::json;

use crate::{Api, CallError, response};

impl Api {
    /// Embeds texts and returns their vectors, with the id of the job that computed them.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses the request.
    pub async fn embeddings(
        &self,
        model: &str,
        texts: &[&str],
    ) -> Result<(JobId, EmbeddingsResponse), CallError> {
        let url = self.endpoint(&["v1", "embeddings"]);
        let body = json!({"model": model, "input": texts});
        let response = response::send(self.request(Method::POST, url.clone()).json(&body)).await?;
        let id = response.headers().get(headers::JOB_ID).and_then(|id| id.to_str().ok()?.parse().ok());
        let id = id.ok_or_else(|| CallError::invalid_response(&url, "missing job id header"))?;
        let body = response::read_body(response).await?;
        let read = serde_json::from_slice(&body).map_err(|error| CallError::invalid_response(&url, error))?;
        Ok((id, read))
    }
}
