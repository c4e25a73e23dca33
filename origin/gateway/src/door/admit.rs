//! From a request to an admitted one.

use std::sync::{Mutex, PoisonError};

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use cortex_domain::id::{IdempotencyKey, JobId, Role};
use cortex_domain::job::{Hop, Owner};
use cortex_domain::time::Timestamp;
use cortex_guard::signature::{NonceMemory, Request as Signed, verify};
use cortex_guard::trace::Traceparent;
use cortex_guard::{Kind, Problem, Shape, headers, hops, precheck};
use http::{HeaderMap, header};

use super::budget::{Budget, UNVOUCHED};
use super::credentials::Credentials;
use super::read;
use crate::connections::Vouch;
use crate::gateway::Gateway;
use crate::refuse::Refused;

/// Nonces remembered at most: five minutes of 3,000 requests a second.
const NONCES: usize = 1_000_000;

/// Decides who comes in.
#[derive(Debug)]
pub(crate) struct Door {
    credentials: Credentials,
    nonces: Mutex<NonceMemory>,
    /// What the bodies of requests take that are signed and not verified yet.
    unvouched: Budget,
}

/// A request that came in, read whole.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) owner: Owner,
    /// Whether the edge sent it; otherwise it is a local caller.
    pub(crate) signed: bool,
    /// The id that the edge minted; none on a direct call.
    pub(crate) job: Option<JobId>,
    pub(crate) idempotency: Option<IdempotencyKey>,
    pub(crate) hops: Vec<Hop>,
    pub(crate) traceparent: Option<String>,
    pub(crate) method: http::Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Admitted {
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        self.header(header::CONTENT_TYPE)
    }
}

impl FromRequest<Gateway> for Admitted {
    type Rejection = Refused;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, Refused> {
        let shape = Shape::for_path(request.uri().path());
        let inner = &gateway.inner;
        let vouch = request.extensions().get::<Vouch>().cloned();
        let admitted = inner.door.admit(request, inner.now()).await;
        if let (Ok(_), Some(vouch)) = (&admitted, vouch) {
            vouch.known();
        }
        admitted.map_err(|problem| Refused { problem, shape })
    }
}

impl Door {
    /// Remembers no nonce from before `started`, so what was signed earlier is refused.
    pub(crate) fn new(credentials: Credentials, started: Timestamp) -> Self {
        let nonces = Mutex::new(NonceMemory::new(started, NONCES));
        Self { credentials, nonces, unvouched: Budget::new(UNVOUCHED) }
    }

    async fn admit(&self, request: Request, now: Timestamp) -> Result<Admitted, Problem> {
        let (parts, body) = request.into_parts();
        precheck::check_headers(parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))?;
        let signed = parts.headers.contains_key(headers::SIGNATURE);
        let local = if signed { None } else { Some(self.local(&parts.headers)?) };
        let mut share = signed.then(|| self.unvouched.open());
        let body = read::whole(&parts.headers, body, share.as_mut()).await?;
        let mut admitted = Admitted {
            owner: match local {
                Some(owner) => owner,
                None => signed_owner(&parts.headers)?,
            },
            signed,
            job: None,
            idempotency: None,
            hops: Vec::new(),
            traceparent: traceparent(&parts.headers),
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body,
        };
        if signed {
            self.verify(&admitted, now)?;
            drop(share);
            admitted.job = parsed(&admitted.headers, headers::JOB_ID)?;
            admitted.idempotency = parsed(&admitted.headers, headers::IDEMPOTENCY)?;
            let hops = text(&admitted.headers, headers::HOPS)?.unwrap_or_default();
            admitted.hops = hops::parse(hops).map_err(|error| malformed(headers::HOPS, error))?;
        } else {
            admitted.idempotency = idempotency(&admitted.headers)?;
        }
        Ok(admitted)
    }

    /// Who calls over gRPC, by the call's metadata.
    ///
    /// # Errors
    /// If it is nobody known. The edge's signature covers an HTTP request, so here it proves nothing.
    pub(crate) fn caller(&self, metadata: &HeaderMap) -> Result<Owner, Problem> {
        precheck::check_headers(metadata.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))?;
        if metadata.contains_key(headers::SIGNATURE) {
            let detail = "signed requests are taken over HTTP; over gRPC send `authorization: Bearer <key>`";
            return Err(Problem::new(Kind::Unauthenticated, detail).at(headers::SIGNATURE));
        }
        self.local(metadata)
    }

    fn verify(&self, admitted: &Admitted, now: Timestamp) -> Result<(), Problem> {
        let request = Signed {
            method: admitted.method.as_str(),
            path: &admitted.path,
            query: &admitted.query,
            content_type: admitted.content_type().unwrap_or_default(),
            body: &admitted.body,
        };
        let all = admitted.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let verified = verify(&request, all, &self.credentials.edge, now).and_then(|verified| {
            let seen = self.nonces.lock().unwrap_or_else(PoisonError::into_inner).remember(
                verified.nonce,
                verified.signed,
                now,
            );
            verified.once(seen)
        });
        match verified {
            Ok(_) => Ok(()),
            Err(refusal) => {
                tracing::warn!(path = %admitted.path, %refusal, "a signature was refused");
                Err(refusal.into())
            }
        }
    }

    fn local(&self, headers: &HeaderMap) -> Result<Owner, Problem> {
        let unknown = || {
            let detail =
                "send `Authorization: Bearer <key>`; the origin takes what the edge signed, or API_KEY";
            Problem::new(Kind::Unauthenticated, detail)
        };
        let key = self.credentials.local.as_ref().ok_or_else(unknown)?;
        let presented = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let presented = presented.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        match presented {
            Some(presented) if key.admits(presented) => Ok(Owner {
                tenant: key.tenant.clone(),
                principal: key.principal.clone(),
                roles: key.roles.clone(),
            }),
            _ => Err(unknown()),
        }
    }
}

fn signed_owner(all: &HeaderMap) -> Result<Owner, Problem> {
    let missing = |name: &str| Problem::new(Kind::Unauthenticated, format!("the header {name} is missing"));
    let roles = text(all, headers::ROLES)?.unwrap_or_default();
    let roles = roles.split(',').map(str::trim).filter(|role| !role.is_empty());
    Ok(Owner {
        tenant: parsed(all, headers::TENANT)?.ok_or_else(|| missing(headers::TENANT))?,
        principal: parsed(all, headers::PRINCIPAL)?.ok_or_else(|| missing(headers::PRINCIPAL))?,
        roles: roles
            .map(str::parse)
            .collect::<Result<Vec<Role>, _>>()
            .map_err(|error| malformed(headers::ROLES, error))?,
    })
}

/// The caller's own idempotency key.
pub(crate) fn idempotency(all: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    parsed(all, headers::IDEMPOTENCY_KEY)
}

/// One that is malformed counts as none, as the standard asks.
pub(crate) fn traceparent(all: &HeaderMap) -> Option<String> {
    let parsed: Traceparent = all.get(headers::TRACEPARENT)?.to_str().ok()?.parse().ok()?;
    Some(parsed.as_str().to_owned())
}

fn text<'a>(all: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    all.get(name).map(|value| value.to_str().map_err(|error| malformed(name, error))).transpose()
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    all: &HeaderMap,
    name: &str,
) -> Result<Option<T>, Problem> {
    text(all, name)?.map(|value| value.parse().map_err(|error| malformed(name, error))).transpose()
}

fn malformed(name: &str, error: impl std::fmt::Display) -> Problem {
    Problem::new(Kind::InvalidRequest, format!("the header {name}: {error}")).at(name)
}
