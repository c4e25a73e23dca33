//! Embeddings, synchronously.

use cortex_api::{EmbeddingsResponse, headers};
use cortex_domain::id::JobId;
use reqwest::Method;
use serde_json::json;

use crate::{Api, CallError, answer};

impl Api {
    /// Returns the texts' vectors, and the id of the job that made them.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses.
    pub async fn embeddings(
        &self,
        model: &str,
        texts: &[&str],
    ) -> Result<(JobId, EmbeddingsResponse), CallError> {
        let url = self.at(&["v1", "embeddings"]);
        let body = json!({"model": model, "input": texts});
        let response = answer::send(self.request(Method::POST, url.clone()).json(&body)).await?;
        let id = response.headers().get(headers::JOB_ID).and_then(|id| id.to_str().ok()?.parse().ok());
        let id = id.ok_or_else(|| CallError::unreadable(&url, "it names no job"))?;
        let body = answer::whole(response).await?;
        let read = serde_json::from_slice(&body).map_err(|error| CallError::unreadable(&url, error))?;
        Ok((id, read))
    }
}
