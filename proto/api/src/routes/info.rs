//! A row of the route table.

use super::Route;
use crate::problem::Shape;

/// A route, and the rules for every request to it.
#[derive(Clone, Copy, Debug)]
pub struct RouteInfo {
    pub method: Method,
    /// A template. `{id}` matches one segment, and `{*id}` at the end matches the rest of the path,
    /// including slashes.
    pub path: &'static str,
    pub route: Route,
    /// The role that a caller needs, if any.
    pub role: Option<&'static str>,
    /// The format of its errors.
    pub errors: Shape,
    pub body: BodyLimit,
    pub mode: Mode,
}

/// The methods of the routes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Get,
    Post,
    Delete,
}

/// Who may call a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    Public,
    /// Callers with an API key.
    Caller,
    /// Callers with the local key, on the origin's machine.
    Local,
    /// The edge, the origin or the command line, by a signature.
    Service,
}

/// Which processes serve a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServedBy {
    Edge,
    Origin,
    Both,
}

/// The size limit of a route's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyLimit {
    /// The route has no body. A body that is sent is read up to the limit and ignored.
    None,
    /// A job, or a message between the edge and the origin.
    Job,
    /// A conversation or texts for a model.
    Model,
}

/// When a route responds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Once the work is done.
    Sync,
    /// At once, with a job id, unless the caller prefers to wait.
    Job,
}

impl RouteInfo {
    pub(super) const fn new(method: Method, path: &'static str, route: Route) -> Self {
        Self {
            method,
            path,
            route,
            role: None,
            errors: Shape::Problem,
            body: BodyLimit::None,
            mode: Mode::Sync,
        }
    }

    /// Sets OpenAI's format of errors.
    pub(super) const fn openai(self) -> Self {
        Self { errors: Shape::OpenAi, ..self }
    }

    /// Sets the limit of a JSON body.
    pub(super) const fn takes(self, body: BodyLimit) -> Self {
        Self { body, ..self }
    }

    pub(super) const fn makes_a_job(self) -> Self {
        Self { mode: Mode::Job, ..self }
    }

    #[must_use]
    pub fn access(&self) -> Access {
        match self.route {
            Route::Public(_) => Access::Public,
            Route::Caller(_) => Access::Caller,
            Route::Local(_) => Access::Local,
            Route::Edge(_) | Route::Origin(_) => Access::Service,
        }
    }

    #[must_use]
    pub fn served_by(&self) -> ServedBy {
        match self.route {
            Route::Public(_) | Route::Caller(_) => ServedBy::Both,
            Route::Edge(_) => ServedBy::Edge,
            Route::Local(_) | Route::Origin(_) => ServedBy::Origin,
        }
    }

    /// Returns the named part of a path of this route, which is `""` for a route without one.
    /// Returns `None` if the path belongs to another route. Paths are compared as they are on the
    /// wire: `%68ealth` is not `health`.
    pub(super) fn naming<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (mut named, mut rest) = ("", Some(path));
        for part in self.path.split('/') {
            let at = rest?;
            if part.starts_with("{*") {
                return Some(at);
            }
            let (segment, further) = match at.split_once('/') {
                Some((segment, further)) => (segment, Some(further)),
                None => (at, None),
            };
            rest = further;
            if part.starts_with('{') && !segment.is_empty() {
                named = segment;
            } else if part != segment {
                return None;
            }
        }
        rest.is_none().then_some(named)
    }
}

impl Method {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

impl BodyLimit {
    /// The largest limit of any route.
    pub const MAX_BYTES: usize = {
        let (job, model) = (Self::Job.bytes(), Self::Model.bytes());
        if job > model { job } else { model }
    };

    /// Returns the maximum size of a body in bytes, at the edge and at the origin.
    ///
    /// A model route is to accept 32 MiB, for conversations with images. Until bodies travel from
    /// the edge to the origin in frames, the edge signs and holds a body as a whole, so a model
    /// route has the same limit as a job.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::None | Self::Job | Self::Model => 1024 * 1024,
        }
    }

    /// Returns whether the route reads a JSON body.
    #[must_use]
    pub const fn is_json(self) -> bool {
        !matches!(self, Self::None)
    }
}
