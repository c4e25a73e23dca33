//! What a handler may ask of a request: who sent it, of which kind a handler takes one.

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
            tracing::error!(path = request.uri().path(), "a route was made without its row of the table");
            return Err(Problem::new(ErrorCode::Internal, "this could not be done").into());
        };
        let identity = request.extensions().get::<RequestIdentity>().cloned();
        let admitted = Arc::<Authenticator>::from_ref(state).admit(request, info.body).await;
        if let (Ok(admitted), Some(identity)) = (&admitted, identity) {
            identity.authenticate(&admitted.owner.tenant);
        }
        admitted.map_err(|error| error.with_shape(info.errors))
    }
}

/// A request that the edge signed, for a route that is there for it alone.
#[derive(Debug)]
pub(crate) struct SignedByEdge(Admitted);

impl SignedByEdge {
    pub(crate) fn tenant(&self) -> &Tenant {
        &self.0.owner.tenant
    }

    /// Checks its JSON body.
    ///
    /// # Errors
    /// If it is too large or too deep.
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

/// A caller on this machine, for a route that the edge's callers do not see.
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

/// A request for what anybody may see: a signature is checked where there is one, since a signed request is exempt from
/// the rule for loopback.
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
    Problem::new(ErrorCode::NotFound, "there is no such path")
}
