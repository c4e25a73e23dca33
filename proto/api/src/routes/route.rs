//! The routes by name, grouped by who may call them, so that the type alone decides how a request
//! is authenticated.
//!
//! Some routes name a resource in their path. They are generic over it: it is `()` in the table,
//! and the parsed id in an authenticated request.

use cortex_domain::id::{JobId, KeyId};

/// Routes without authentication.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Public {
    Health,
    OpenApi,
}

/// Routes for callers with an API key, at the edge and at the origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller<J = ()> {
    CreateJob,
    ListJobs,
    GetJob(J),
    CancelJob(J),
    JobEvents(J),
    Embeddings,
    ChatCompletions,
    Completions,
    SimpleChat,
    ListModels,
    GetModel,
}

/// Routes for callers on the origin's machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Local {
    ListWorkers,
}

/// Routes of the edge for requests that the origin or the command line signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EdgeService<K = ()> {
    JobStates,
    CreateKey,
    ListKeys,
    RevokeKey(K),
}

/// Routes of the origin for requests that the edge signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OriginService {
    KeyRevoked,
}

/// Every route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    Public(Public),
    Caller(Caller),
    Local(Local),
    Edge(EdgeService),
    Origin(OriginService),
}

/// A route that the edge serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtEdge {
    Public(Public),
    Caller(Caller),
    Service(EdgeService),
}

/// A route that the origin serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtOrigin {
    Public(Public),
    Caller(Caller),
    Local(Local),
    Service(OriginService),
}

impl Route {
    /// Returns the edge's form of the route.
    #[must_use]
    pub fn at_edge(self) -> Option<AtEdge> {
        match self {
            Self::Public(route) => Some(AtEdge::Public(route)),
            Self::Caller(route) => Some(AtEdge::Caller(route)),
            Self::Edge(route) => Some(AtEdge::Service(route)),
            Self::Local(_) | Self::Origin(_) => None,
        }
    }

    /// Returns the origin's form of the route.
    #[must_use]
    pub fn at_origin(self) -> Option<AtOrigin> {
        match self {
            Self::Public(route) => Some(AtOrigin::Public(route)),
            Self::Caller(route) => Some(AtOrigin::Caller(route)),
            Self::Local(route) => Some(AtOrigin::Local(route)),
            Self::Origin(route) => Some(AtOrigin::Service(route)),
            Self::Edge(_) => None,
        }
    }
}

impl Caller {
    /// Parses the named part of the path. Returns `None` if it is not a valid id, so that the
    /// resource can't exist.
    #[must_use]
    pub fn naming(self, named: &str) -> Option<Caller<JobId>> {
        Some(match self {
            Self::CreateJob => Caller::CreateJob,
            Self::ListJobs => Caller::ListJobs,
            Self::GetJob(()) => Caller::GetJob(named.parse().ok()?),
            Self::CancelJob(()) => Caller::CancelJob(named.parse().ok()?),
            Self::JobEvents(()) => Caller::JobEvents(named.parse().ok()?),
            Self::Embeddings => Caller::Embeddings,
            Self::ChatCompletions => Caller::ChatCompletions,
            Self::Completions => Caller::Completions,
            Self::SimpleChat => Caller::SimpleChat,
            Self::ListModels => Caller::ListModels,
            Self::GetModel => Caller::GetModel,
        })
    }
}

impl EdgeService {
    /// Parses the named part of the path, like [`Caller::naming`].
    #[must_use]
    pub fn naming(self, named: &str) -> Option<EdgeService<KeyId>> {
        Some(match self {
            Self::JobStates => EdgeService::JobStates,
            Self::CreateKey => EdgeService::CreateKey,
            Self::ListKeys => EdgeService::ListKeys,
            Self::RevokeKey(()) => EdgeService::RevokeKey(named.parse().ok()?),
        })
    }
}
