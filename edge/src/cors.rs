//! Adds the headers of `cortex_guard::cors` to responses.

use cortex_api::routes::methods_for_pages;
use cortex_guard::cors::{Origins, Preflight};
use worker::{Response, ResponseBuilder, Result};

use crate::answer;
use crate::incoming::Head;

/// Returns the response to a preflight, if the request is an allowed one.
pub(crate) fn preflight(head: &Head, origins: &Origins) -> Option<Result<Response>> {
    let method = head.get("access-control-request-method").filter(|_| head.method == "OPTIONS")?;
    let asked = Preflight { method, headers: head.get("access-control-request-headers").unwrap_or_default() };
    let methods = methods_for_pages(&head.path);
    let headers = origins.preflight(head.get("origin"), asked, &methods)?;
    Some(answer::common().and_then(|all| {
        for (name, value) in headers {
            all.set(name, &value)?;
        }
        Ok(ResponseBuilder::new().with_status(204).with_headers(all).empty())
    }))
}

/// Adds the headers of every response.
pub(crate) fn onto(answer: Response, head: &Head, origins: &Origins) -> Result<Response> {
    // Pages have no use for requests that the origin and the command line sign.
    if head.path.starts_with("/internal/") {
        return Ok(answer);
    }
    for (name, value) in origins.headers(head.get("origin")) {
        answer.headers().set(name, &value)?;
    }
    Ok(answer)
}
