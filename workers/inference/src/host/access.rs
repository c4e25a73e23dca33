//! Access to a worker's own HTTP server: programs of this machine, but no web pages.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use cortex_api::Problem;
use cortex_api::routes::shape;
use cortex_domain::ErrorCode;
use cortex_guard::loopback::{AllowedHost, Header, LoopbackGuard, Sent};
use cortex_guard::precheck;
use subtle::ConstantTimeEq;

use super::error::ApiError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who may call the server besides programs of this machine.
#[derive(Debug, Clone, Default)]
pub struct Access {
    hosts: Vec<AllowedHost>,
    key: Option<HostKey>,
}

/// A secret that every request must show. It has at least 32 characters of visible ASCII.
#[derive(Clone)]
pub struct HostKey(String);

/// The text is too weak for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key must have at least {MIN_KEY_LENGTH} characters of visible ASCII")]
pub struct WeakKey;

/// Other hosts are allowed, but no key is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("requests for other hosts need a key")]
pub struct KeyMissing;

const MIN_KEY_LENGTH: usize = 32;

impl Access {
    /// Creates the access rules.
    ///
    /// # Errors
    ///
    /// Returns an error if there are hosts but no key.
    pub fn new(hosts: Vec<AllowedHost>, key: Option<HostKey>) -> Result<Self, KeyMissing> {
        if key.is_none() && !hosts.is_empty() {
            return Err(KeyMissing);
        }
        Ok(Self { hosts, key })
    }

    /// Puts routes on this port behind the access check. Nothing else looks at a request that is
    /// rejected.
    pub fn guard(self, port: u16, routes: Router) -> Router {
        let rule = Arc::new(Rule { guard: LoopbackGuard::new(port, self.hosts), key: self.key });
        routes.layer(from_fn_with_state(rule, check))
    }
}

#[derive(Debug)]
struct Rule {
    guard: LoopbackGuard,
    key: Option<HostKey>,
}

async fn check(State(rule): State<Arc<Rule>>, request: Request, next: Next) -> Response {
    match rule.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => ApiError { problem, shape: shape(request.uri().path()) }.into_response(),
    }
}

impl Rule {
    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        if let Some(fault) = cortex_http1::fault(headers) {
            return Err(Problem::new(ErrorCode::InvalidRequest, fault));
        }
        let target = uri.to_string();
        let all = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        precheck::check_headers(all.chain([(target.as_str(), &b""[..])]))?;
        let of = |name: HeaderName| Header::of(headers.get_all(name).iter().map(|value| value.as_bytes()));
        self.guard.check(&Sent {
            authority: uri.authority().map_or(Header::Missing, |authority| Header::Text(authority.as_str())),
            host: of(header::HOST),
            origin: of(header::ORIGIN),
            sec_fetch_site: of(SEC_FETCH_SITE),
        })?;
        match (&self.key, of(header::AUTHORIZATION)) {
            (None, _) => Ok(()),
            (Some(key), Header::Text(shown)) if key.is_shown_in(shown) => Ok(()),
            _ => Err(Problem::new(
                ErrorCode::Unauthenticated,
                "missing or invalid key: send it as `Authorization: Bearer KEY`",
            )),
        }
    }
}

impl HostKey {
    fn is_shown_in(&self, authorization: &str) -> bool {
        let Some((scheme, shown)) = authorization.split_once(' ') else { return false };
        let same = self.0.as_bytes().ct_eq(shown.trim().as_bytes());
        scheme.eq_ignore_ascii_case("bearer") && bool::from(same)
    }
}

impl FromStr for HostKey {
    type Err = WeakKey;

    fn from_str(text: &str) -> Result<Self, WeakKey> {
        let is_strong = text.len() >= MIN_KEY_LENGTH && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_strong.then(|| Self(text.to_owned())).ok_or(WeakKey)
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKey(***)")
    }
}

#[cfg(test)]
mod tests;
