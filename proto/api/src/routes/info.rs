//! A row of the table.

use super::Route;
use crate::problem::Shape;

/// A route, and what holds for every request to it.
#[derive(Clone, Copy, Debug)]
pub struct RouteInfo {
    pub method: Method,
    /// A template: `{id}` stands for one segment, `{*id}` at the end for the rest of the path, slashes and all.
    pub path: &'static str,
    pub route: Route,
    /// The role that a caller needs, if any.
    pub role: Option<&'static str>,
    /// The shape of its errors.
    pub errors: Shape,
    pub body: BodyLimit,
    pub mode: Mode,
}

/// The methods that routes take.
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
    /// Callers with a key.
    Caller,
    /// Callers with the local key, on the origin's own machine.
    Local,
    /// The other door, or the command line, by a signature.
    Service,
}

/// Which doors serve a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServedBy {
    Edge,
    Origin,
    Both,
}

/// How much body a route takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyLimit {
    /// It takes none: one that is sent is read, within the limit, and not looked at.
    None,
    /// A job, or a message between the doors.
    Job,
    /// A conversation or texts, for a model.
    Model,
}

/// When a route answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Once the work is done.
    Sync,
    /// At once, with a job to come back for, unless the caller prefers to wait.
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

    /// Has OpenAI's errors.
    pub(super) const fn openai(self) -> Self {
        Self { errors: Shape::OpenAi, ..self }
    }

    /// Takes a JSON body.
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

    /// Returns what a path of this route names, `""` for a route that names nothing; `None` if the path is another
    /// route's. Paths are compared as they are on the wire: `%68ealth` is not `health`.
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
    /// The most bytes that any route takes.
    pub const LARGEST: usize = {
        let (job, model) = (Self::Job.bytes(), Self::Model.bytes());
        if job > model { job } else { model }
    };

    /// Returns the most bytes of a body, at either door.
    ///
    /// A model route is to take 32 MiB, for conversations with images. Until bodies travel from the edge to the origin in
    /// frames, a body is signed and held whole on its way, and a model route takes no more than a job's.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::None | Self::Job | Self::Model => 1024 * 1024,
        }
    }

    /// Whether the route reads a JSON body.
    #[must_use]
    pub const fn is_json(self) -> bool {
        !matches!(self, Self::None)
    }
}
