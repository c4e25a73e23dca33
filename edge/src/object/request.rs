//! Requests to a Durable Object. Each request has its reply type.

use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Method, Request as HttpRequest, RequestInit, Stub};

use crate::error::ApiError;

/// A request to an object.
pub(crate) trait Request: Serialize + DeserializeOwned {
    /// The path of the request.
    const PATH: &'static str;
    type Reply: Serialize + DeserializeOwned;
}

/// Implemented by the object that handles a request.
pub(crate) trait Answers<R: Request> {
    async fn answer(&self, request: R) -> worker::Result<R::Reply>;
}

/// Sends a request to an object, and returns its reply.
pub(crate) async fn ask<R: Request>(object: &Stub, request: &R) -> Result<R::Reply, ApiError> {
    let reply = post(object, R::PATH, serde_json::to_string(request)?).await?;
    Ok(serde_json::from_str(&reply)?)
}

async fn post(object: &Stub, path: &str, body: String) -> Result<String, ApiError> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(body.into()));
    let request = HttpRequest::new_with_init(&format!("https://object{path}"), &init)?;
    let mut answer = object.fetch_with_request(request).await?;
    let text = answer.text().await?;
    if answer.status_code() == 200 { Ok(text) } else { Err(ApiError::Broken(format!("{path}: {text}"))) }
}
