//! Signed requests to the origin.

use std::cell::RefCell;
use std::time::Duration;

use cortex_api::{Problem, headers};
use cortex_domain::ErrorCode;
use cortex_domain::time::Timestamp;
use cortex_guard::signature::{self, Instance, Keyring, Nonce, Request as Signed, WINDOW};
use futures::future::{Either, select};
use worker::js_sys::Uint8Array;
use worker::{
    AbortController, Delay, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response,
};

use crate::disconnect::AbortOnDrop;
use crate::error::ApiError;
use crate::{clock, config, log, random};

thread_local! {
    static SIGN_FOR: RefCell<Option<SignFor>> = const { RefCell::new(None) };
}

/// The receiver that requests are signed for: the gateway instance that responded last, and the
/// difference between its clock and ours.
#[derive(Clone, Debug)]
struct SignFor {
    instance: Instance,
    ahead_ms: i64,
}

impl SignFor {
    /// Reads what a gateway returned with a rejected signature. A clock that differs too much is
    /// ignored.
    fn read(answer: &Response, now: Timestamp) -> Option<Self> {
        let header = |name| answer.headers().get(name).ok().flatten();
        let instance = Instance::parse(&header(headers::INSTANCE)?)?;
        let there: u64 = header(headers::TIME)?.parse().ok()?;
        let ahead_ms = i64::try_from(there).ok()? - i64::try_from(now.as_millis()).ok()?;
        (u128::from(ahead_ms.unsigned_abs()) <= WINDOW.as_millis()).then_some(Self { instance, ahead_ms })
    }
}

/// A request to the origin. It may have any header, and the signature covers ours.
#[derive(Debug)]
pub(crate) struct Outbound<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Without `?`.
    pub(crate) query: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) headers: Vec<(&'a str, String)>,
}

/// The origin, and the keys that sign requests to it.
#[derive(Debug)]
pub(crate) struct Origin {
    url: String,
    keys: Keyring,
}

/// The origin did not respond.
#[derive(Debug)]
pub(crate) struct OriginUnreachable(pub(crate) String);

impl From<OriginUnreachable> for ApiError {
    fn from(OriginUnreachable(cause): OriginUnreachable) -> Self {
        log::error("origin.away", &[("cause", &cause)]);
        let detail = "the origin is unreachable: try again, or submit a job without waiting for it";
        Problem::new(ErrorCode::OriginAway, detail).retry_after(Duration::from_secs(5)).into()
    }
}

impl Origin {
    pub(crate) fn of(env: &Env) -> Result<Self, ApiError> {
        Ok(Self { url: config::origin_url(env)?, keys: config::edge_keys(env)? })
    }

    /// Sends a request and waits for the head of the response. Its body may still be arriving.
    ///
    /// A response that does not come from the origin itself, such as a tunnel's error page, counts
    /// as missing. If a gateway instance rejects a request that was signed for no instance or
    /// another one, the request is signed for it and sent again.
    pub(crate) async fn send(
        &self,
        request: &Outbound<'_>,
        timeout: Duration,
    ) -> Result<Response, OriginUnreachable> {
        let mut answer = self.once(request, timeout).await?;
        if answer.status_code() == 401
            && let Some(sign_for) = SignFor::read(&answer, clock::now())
        {
            SIGN_FOR.with_borrow_mut(|known| *known = Some(sign_for));
            answer = self.once(request, timeout).await?;
        }
        match answer.status_code() {
            401 => Err(OriginUnreachable("the origin rejected the edge's signature".to_owned())),
            status @ 500.. if !is_json(&answer) => Err(OriginUnreachable(format!(
                "a proxy between the edge and the origin returned status {status}"
            ))),
            _ => Ok(answer),
        }
    }

    /// Returns whether the origin responds at all.
    pub(crate) async fn is_there(&self, timeout: Duration) -> bool {
        let request = Outbound {
            method: "GET",
            path: "/health",
            query: "",
            content_type: "",
            body: &[],
            headers: vec![],
        };
        matches!(self.once(&request, timeout).await, Ok(answer) if answer.status_code() < 500)
    }

    async fn once(&self, request: &Outbound<'_>, timeout: Duration) -> Result<Response, OriginUnreachable> {
        let away = |error: worker::Error| OriginUnreachable(error.to_string());
        let prepared = self.prepare(request).map_err(away)?;
        let controller = AbortController::default();
        let signal = controller.signal();
        let mut abort = AbortOnDrop::new(controller);
        let fetch = Fetch::Request(prepared);
        let fetched = std::pin::pin!(fetch.send_with_signal(&signal));
        match select(fetched, Delay::from(timeout)).await {
            Either::Left((answer, _)) => {
                abort.disarm();
                answer.map_err(away)
            }
            Either::Right(_) => {
                Err(OriginUnreachable(format!("the origin did not respond within {} s", timeout.as_secs())))
            }
        }
    }

    fn prepare(&self, request: &Outbound<'_>) -> Result<Request, worker::Error> {
        let signed = Signed {
            method: request.method,
            path: request.path,
            query: request.query,
            content_type: request.content_type,
            body: request.body,
        };
        let sign_for = SIGN_FOR.with_borrow(Clone::clone);
        let ahead_ms = sign_for.as_ref().map_or(0, |known| known.ahead_ms);
        let now = Timestamp::from_millis(clock::now().as_millis().saturating_add_signed(ahead_ms));
        let mut sent = request.headers.clone();
        sent.extend(sign_for.map(|known| (headers::INSTANCE, known.instance.to_string())));
        if !sent.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            // The header is signed, so no hop may add its own.
            sent.push(("accept", "*/*".to_owned()));
        }
        let ours = sent.iter().map(|(name, value)| (*name, value.as_str()));
        let nonce = Nonce::new(random::bytes()?);
        let stamp = signature::sign(&signed, ours, self.keys.current(), now, nonce)
            .map_err(|error| worker::Error::RustError(error.to_string()))?;

        let all = Headers::new();
        for (name, value) in &sent {
            all.set(name, value)?;
        }
        for (name, value) in &stamp {
            all.set(name, value)?;
        }
        if !request.content_type.is_empty() {
            all.set("content-type", request.content_type)?;
        }
        let mut init = RequestInit::new();
        init.with_method(Method::from(request.method.to_owned()))
            .with_headers(all)
            .with_redirect(RequestRedirect::Manual);
        if !request.body.is_empty() {
            init.with_body(Some(Uint8Array::from(request.body).into()));
        }
        let question = if request.query.is_empty() { "" } else { "?" };
        Request::new_with_init(&format!("{}{}{question}{}", self.url, request.path, request.query), &init)
    }
}

/// Returns the headers that name the caller.
pub(crate) fn caller_headers(tenant: &str, principal: &str, roles: &[String]) -> Vec<(&'static str, String)> {
    vec![
        (headers::TENANT, tenant.to_owned()),
        (headers::PRINCIPAL, principal.to_owned()),
        (headers::ROLES, roles.join(",")),
    ]
}

/// Returns whether a response is JSON. The origin's own errors are problem documents or OpenAI
/// errors, which are both JSON.
fn is_json(answer: &Response) -> bool {
    let content_type = answer.headers().get("content-type").ok().flatten().unwrap_or_default();
    content_type.starts_with("application/") && content_type.contains("json")
}
