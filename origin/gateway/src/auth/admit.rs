//! Authenticates requests. Cheap checks come first: the size of the head, the sender, what the head
//! says about the body, and only then the body.

use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use cortex_api::body::Checked;
use cortex_api::routes::BodyLimit;
use cortex_api::trace::Traceparent;
use cortex_api::{Problem, headers, hops};
use cortex_domain::ErrorCode;
use cortex_domain::id::{IdempotencyKey, JobId, ParseError, Role};
use cortex_domain::job::{Hop, Owner};
use cortex_guard::precheck;
use cortex_guard::signature::{Announced, Head, Instance, NonceMemory, SignatureError, verify};
use cortex_platform::clock::Clock;
use cortex_platform::telemetry;
use http::request::Parts;
use http::{HeaderMap, header};

use super::admit_error::AdmitError;
use super::body_budget::BodyBudget;
use super::credentials::Credentials;
use super::read;

/// Maximum number of remembered nonces: five minutes of 3,000 requests a second.
const MAX_NONCES: usize = 1_000_000;

/// Authenticates callers and reads their requests.
#[derive(Debug)]
pub(crate) struct Authenticator {
    credentials: Credentials,
    instance: Instance,
    nonces: Mutex<NonceMemory>,
    /// The budget for the bodies that are being read.
    body_budget: BodyBudget,
    clock: Clock,
}

/// An authenticated request with its whole body.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) owner: Owner,
    /// Whether the edge signed the request. Otherwise a local caller sent it.
    pub(crate) signed: bool,
    /// The job id that the edge minted. `None` for a direct call.
    pub(crate) job: Option<JobId>,
    pub(crate) idempotency: Option<IdempotencyKey>,
    pub(crate) hops: Vec<Hop>,
    pub(crate) traceparent: Option<String>,
    pub(crate) method: http::Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The size limit of the route's bodies.
    pub(crate) body_limit: BodyLimit,
}

impl Admitted {
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        self.header(header::CONTENT_TYPE)
    }

    /// Checks a JSON body before it is parsed.
    ///
    /// # Errors
    /// Returns a problem that names the fault and its place.
    pub(crate) fn json(&self) -> Result<Checked<'_>, Problem> {
        precheck::check_json(self.content_type(), &self.body, self.body_limit)
    }

    /// Returns `Last-Event-ID`. An empty header means that the client has seen no event.
    pub(crate) fn last_event_id(&self) -> Option<&str> {
        self.header("last-event-id").map(str::trim).filter(|id| !id.is_empty())
    }
}

/// Returns whether a request carries a signature, valid or not.
pub(crate) fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(headers::SIGNATURE)
}

/// The sender of a request, and the body that its signature announces.
struct CheckedHead {
    owner: Owner,
    announced: Option<Announced>,
}

impl Authenticator {
    pub(crate) fn new(
        credentials: Credentials,
        instance: Instance,
        body_budget: BodyBudget,
        clock: Clock,
    ) -> Self {
        let nonces = Mutex::new(NonceMemory::new(MAX_NONCES));
        Self { credentials, instance, nonces, body_budget, clock }
    }

    pub(super) async fn admit(
        &self,
        request: Request,
        body_limit: BodyLimit,
    ) -> Result<Admitted, AdmitError> {
        let (parts, body) = request.into_parts();
        match self.check_head(&parts) {
            Ok(head) => self.read(parts, head, body, body_limit).await,
            Err(error) => {
                read::discard(body).await;
                Err(error)
            }
        }
    }

    /// Checks the head alone. The body of a request that is rejected here is not stored.
    fn check_head(&self, parts: &Parts) -> Result<CheckedHead, AdmitError> {
        let all = || parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        precheck::check_headers(all())?;
        let head = if is_signed(&parts.headers) {
            let announced = self.verify(parts)?;
            CheckedHead { owner: signed_owner(&parts.headers)?, announced: Some(announced) }
        } else {
            CheckedHead { owner: self.local(&parts.headers)?, announced: None }
        };
        precheck::check_header_texts(all())?;
        let codings = parts.headers.get_all(header::CONTENT_ENCODING);
        precheck::check_content_encoding(codings.iter().filter_map(|value| value.to_str().ok()))?;
        Ok(head)
    }

    async fn read(
        &self,
        parts: Parts,
        head: CheckedHead,
        body: Body,
        body_limit: BodyLimit,
    ) -> Result<Admitted, AdmitError> {
        let CheckedHead { owner, announced } = head;
        telemetry::record_current(telemetry::TENANT, owner.tenant.as_str());
        let body =
            read::read_body(&parts.headers, body, body_limit, self.body_budget.open(&owner.tenant)).await?;
        if let Some(announced) = &announced {
            announced.check(&body).map_err(|error| invalid_signature(&parts, error))?;
        }
        let mut admitted = Admitted {
            owner,
            signed: announced.is_some(),
            job: None,
            idempotency: None,
            hops: Vec::new(),
            traceparent: continued_traceparent(&parts.headers),
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body,
            body_limit,
        };
        if admitted.signed {
            admitted.job = parse_header(&admitted.headers, headers::JOB_ID)?;
            if let Some(job) = admitted.job {
                telemetry::record_job(job);
            }
            admitted.idempotency = parse_header(&admitted.headers, headers::IDEMPOTENCY)?;
            let hops = header_text(&admitted.headers, headers::HOPS)?.unwrap_or_default();
            admitted.hops = hops::parse(hops).map_err(|error| invalid_header(headers::HOPS, error))?;
        } else {
            admitted.idempotency = idempotency(&admitted.headers)?;
        }
        Ok(admitted)
    }

    /// Authenticates a gRPC call by its metadata.
    ///
    /// # Errors
    /// Returns an error if the caller is unknown. It rejects the edge's signatures, which cover
    /// HTTP requests only.
    pub(crate) fn caller(&self, metadata: &HeaderMap) -> Result<Owner, Problem> {
        precheck::check_headers(metadata.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))?;
        if metadata.contains_key(headers::SIGNATURE) {
            let detail = "signed requests are accepted over HTTP only: over gRPC, send `authorization: \
                    Bearer <key>`";
            return Err(Problem::new(ErrorCode::Unauthenticated, detail).at(headers::SIGNATURE));
        }
        self.local(metadata)
    }

    /// Verifies the signature of a head and uses up its nonce. Returns the announced body.
    pub(super) fn verify(&self, parts: &Parts) -> Result<Announced, AdmitError> {
        let now = self.clock.now();
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let head = Head {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            content_type: content_type.unwrap_or_default(),
        };
        let all = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let verified = verify(&head, all, &self.credentials.edge, now)
            .and_then(|verified| verified.meant_for(&self.instance, now))
            .and_then(|verified| {
                let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
                let seen = nonces.remember(verified.nonce, verified.signed, now);
                verified.once(seen)
            });
        match verified {
            Ok(verified) => Ok(verified.body),
            // The sender holds a valid key, but can't know this instance or the difference between
            // the clocks.
            Err(error @ (SignatureError::Elsewhere | SignatureError::Ahead)) => {
                tracing::debug!(path = head.path, %error, "the edge must sign the request again");
                Err(AdmitError::sign_again(error, &self.instance, now))
            }
            Err(error) => Err(invalid_signature(parts, error)),
        }
    }

    fn local(&self, headers: &HeaderMap) -> Result<Owner, Problem> {
        let unauthenticated = || {
            let detail = "missing or invalid key: send `Authorization: Bearer <key>` (the origin \
                accepts API_KEY, or a request signed by the edge)";
            Problem::new(ErrorCode::Unauthenticated, detail)
        };
        let key = self.credentials.local.as_ref().ok_or_else(unauthenticated)?;
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
            _ => Err(unauthenticated()),
        }
    }
}

fn invalid_signature(parts: &Parts, error: SignatureError) -> AdmitError {
    tracing::warn!(path = parts.uri.path(), %error, "a request has an invalid signature");
    Problem::from(error).into()
}

fn signed_owner(all: &HeaderMap) -> Result<Owner, Problem> {
    let missing =
        |name: &str| Problem::new(ErrorCode::Unauthenticated, format!("missing required header `{name}`"));
    let roles = header_text(all, headers::ROLES)?.unwrap_or_default();
    let roles = roles.split(',').map(str::trim).filter(|role| !role.is_empty());
    Ok(Owner {
        tenant: parse_header(all, headers::TENANT)?.ok_or_else(|| missing(headers::TENANT))?,
        principal: parse_header(all, headers::PRINCIPAL)?.ok_or_else(|| missing(headers::PRINCIPAL))?,
        roles: roles
            .map(str::parse)
            .collect::<Result<Vec<Role>, _>>()
            .map_err(|error| invalid_header(headers::ROLES, error.reason))?,
    })
}

/// Returns the caller's idempotency key.
pub(crate) fn idempotency(all: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    parse_header(all, headers::IDEMPOTENCY_KEY)
}

/// Returns the `traceparent` of what the current span causes.
pub(crate) fn continued_traceparent(all: &HeaderMap) -> Option<String> {
    telemetry::current_traceparent(traceparent(all).as_deref())
}

/// Returns the trace context. A malformed one counts as missing, as the standard requires.
fn traceparent(all: &HeaderMap) -> Option<String> {
    let parsed: Traceparent = all.get(headers::TRACEPARENT)?.to_str().ok()?.parse().ok()?;
    Some(parsed.as_str().to_owned())
}

fn header_text<'a>(all: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    all.get(name).map(|value| value.to_str().map_err(|error| invalid_header(name, error))).transpose()
}

fn parse_header<T: std::str::FromStr<Err = ParseError>>(
    all: &HeaderMap,
    name: &str,
) -> Result<Option<T>, Problem> {
    header_text(all, name)?
        .map(|value| value.parse().map_err(|error: ParseError| invalid_header(name, error.reason)))
        .transpose()
}

fn invalid_header(name: &str, error: impl std::fmt::Display) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, format!("invalid header `{name}`: {error}")).at(name)
}
