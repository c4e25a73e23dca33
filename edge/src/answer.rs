//! Responses, with the headers that all of them have.

use cortex_api::routes::shape;
use cortex_api::{Problem, headers};
use serde::Serialize;
use worker::{Headers, Response, ResponseBuilder, Result};

/// Returns a JSON response.
pub(crate) fn json<T: Serialize>(status: u16, body: &T, extra: &[(&str, &str)]) -> Result<Response> {
    bytes(status, "application/json", serde_json::to_vec(body)?, extra)
}

/// Returns an error response in the format of the path.
pub(crate) fn problem(problem: &Problem, path: &str) -> Result<Response> {
    let rendered = problem.render(shape(path));
    let wait = rendered.retry_after.map(|seconds| seconds.to_string());
    let mut extra: Vec<_> = rendered.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    extra.extend(wait.as_deref().map(|wait| ("retry-after", wait)));
    bytes(rendered.status, rendered.content_type, rendered.body.into_bytes(), &extra)
}

pub(crate) fn bytes(
    status: u16,
    content_type: &str,
    body: Vec<u8>,
    extra: &[(&str, &str)],
) -> Result<Response> {
    let all = common()?;
    all.set("content-type", content_type)?;
    for (name, value) in extra {
        all.set(name, value)?;
    }
    Ok(ResponseBuilder::new().with_status(status).with_headers(all).fixed(body))
}

/// Returns the origin's response: its status, its public headers, and its body as a stream.
pub(crate) fn proxied(answer: Response, extra: &[(&str, &str)]) -> Result<Response> {
    let all = common()?;
    for (name, value) in answer.headers().entries() {
        if headers::passes_outward(&name) {
            all.set(&name, &value)?;
        }
    }
    for (name, value) in extra {
        all.set(name, value)?;
    }
    let status = answer.status_code();
    let (_, body) = answer.into_parts();
    Ok(ResponseBuilder::new().with_status(status).with_headers(all).body(body))
}

/// Returns the headers of every response.
pub(crate) fn common() -> Result<Headers> {
    let all = Headers::new();
    all.set("cache-control", "no-store")?;
    all.set("x-content-type-options", "nosniff")?;
    Ok(all)
}
