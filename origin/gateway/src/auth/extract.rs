//! Extractors of authenticated requests, one for each kind of caller.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use cortex_api::Problem;
use cortex_api::body::Checked;
use cortex_api::routes::RouteInfo;
use cortex_domain::ErrorCode;
use cortex_domain::id::Tenant;
use cortex_guard::precheck;
use http::request::Parts;

use super::admit::{Admitted, Authenticator, is_signed};
use super::admit_error::AdmitError;
use crate::connections::RequestIdentity;

impl<S> FromRequest<S> for Admitted
where
    Arc<Authenticator>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = AdmitError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AdmitError> {
        let Some(info) = request.extensions().get::<&'static RouteInfo>().copied() else {
            tracing::error!(path = request.uri().path(), "a route has no entry in the route table");
            return Err(Problem::new(
                ErrorCode::Internal,
                "internal error: try again, and report it if it persists",
            )
            .into());
        };
        let identity = request.extensions().get::<RequestIdentity>().cloned();
        let admitted = Arc::<Authenticator>::from_ref(state).admit(request, info.body).await;
        if let (Ok(admitted), Some(identity)) = (&admitted, identity) {
            identity.authenticate(&admitted.owner.tenant);
        }
        admitted.map_err(|error| error.with_shape(info.errors))
    }
}

/// A request that the edge signed, for a route that only the edge may call.
#[derive(Debug)]
pub(crate) struct SignedByEdge(Admitted);

impl SignedByEdge {
    pub(crate) fn tenant(&self) -> &Tenant {
        &self.0.owner.tenant
    }

    /// Checks a JSON body before it is parsed.
    ///
    /// # Errors
    /// Returns an error if it is too large or nested too deeply.
    pub(crate) fn json(&self) -> Result<Checked<'_>, Problem> {
        precheck::check_internal(&self.0.body, self.0.body_limit)
    }
}

impl<S> FromRequest<S> for SignedByEdge
where
    Arc<Authenticator>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = AdmitError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AdmitError> {
        let admitted = Admitted::from_request(request, state).await?;
        if admitted.signed { Ok(Self(admitted)) } else { Err(no_such_path().into()) }
    }
}

/// A caller on this machine, for a route that callers of the edge can't reach.
#[derive(Debug)]
pub(crate) struct LocalCaller;

impl<S> FromRequest<S> for LocalCaller
where
    Arc<Authenticator>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = AdmitError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AdmitError> {
        let admitted = Admitted::from_request(request, state).await?;
        if admitted.signed { Err(no_such_path().into()) } else { Ok(Self) }
    }
}

/// A request to a public route. An existing signature is verified, because signed requests are
/// exempt from the loopback check.
#[derive(Debug)]
pub(crate) struct AnyCaller;

impl<S> FromRequestParts<S> for AnyCaller
where
    Arc<Authenticator>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = AdmitError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdmitError> {
        if is_signed(&parts.headers) {
            Arc::<Authenticator>::from_ref(state).verify(parts)?;
        }
        Ok(Self)
    }
}

fn no_such_path() -> Problem {
    Problem::new(ErrorCode::NotFound, "no resource at this path")
}
