//! Finds the route of a request's method and path.

use super::{Access, AtEdge, ROUTES, RouteInfo};
use crate::problem::Shape;

/// The route of a request.
#[derive(Clone, Copy, Debug)]
pub struct Matched<'p> {
    pub info: &'static RouteInfo,
    pub route: AtEdge,
    /// The part of the path that names a resource, as it was sent. Empty for a route without one.
    /// It is parsed only once the caller is authenticated, so that an invalid name gets the same
    /// error as an unknown one.
    pub named: &'p str,
}

/// Why a request has no route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoRoute {
    NotFound,
    /// The path has only other methods.
    MethodNotAllowed {
        allow: Vec<&'static str>,
    },
}

/// Returns the edge's route of a request. `path` is as on the wire, without the query.
///
/// # Errors
/// Returns an error if the path is unknown or does not have the method.
pub fn find_at_edge<'p>(method: &str, path: &'p str) -> Result<Matched<'p>, NoRoute> {
    let found = at_edge(path).find(|matched| matched.info.method.as_str() == method);
    found.ok_or_else(|| match methods(at_edge(path)) {
        allow if allow.is_empty() => NoRoute::NotFound,
        allow => NoRoute::MethodNotAllowed { allow },
    })
}

/// Returns the methods of a path that a web page may call at the edge: all but those of signed
/// routes.
#[must_use]
pub fn methods_for_pages(path: &str) -> Vec<&'static str> {
    methods(at_edge(path).filter(|matched| matched.info.access() != Access::Service))
}

/// Returns the format of errors of a path, at the edge and at the origin. Unknown paths below `/v1`
/// also use OpenAI's format.
#[must_use]
pub fn shape(path: &str) -> Shape {
    match ROUTES.iter().find(|info| info.naming(path).is_some()) {
        Some(info) => info.errors,
        None if path == "/v1" || path.starts_with("/v1/") => Shape::OpenAi,
        None => Shape::Problem,
    }
}

/// Returns the row of a request that the origin serves.
#[must_use]
pub fn find_at_origin(method: &str, path: &str) -> Option<&'static RouteInfo> {
    ROUTES.iter().find(|info| {
        info.method.as_str() == method && info.route.at_origin().is_some() && info.naming(path).is_some()
    })
}

fn at_edge(path: &str) -> impl Iterator<Item = Matched<'_>> {
    ROUTES.iter().filter_map(move |info| {
        let named = info.naming(path)?;
        Some(Matched { info, route: info.route.at_edge()?, named })
    })
}

fn methods<'p>(all: impl Iterator<Item = Matched<'p>>) -> Vec<&'static str> {
    all.map(|matched| matched.info.method.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::routes::{Caller, EdgeService, Public};

    const ID: &str = "01a1fb51-9430-7707-8707-070707070707";

    #[test]
    fn a_path_leads_to_its_route_and_its_resource() {
        let found = |method, path: &str, route, named: &str| {
            let found = find_at_edge(method, path).unwrap();
            assert_eq!((found.route, found.named), (route, named), "{path}");
        };
        found("GET", "/health", AtEdge::Public(Public::Health), "");
        let events = format!("/api/v1/jobs/{ID}/events");
        found("GET", &events, AtEdge::Caller(Caller::JobEvents(())), ID);
        for id in ["a", "org/a", "org%2Fa", "a/b/c/d/e/f/g", "%ff", ""] {
            found("GET", &format!("/v1/models/{id}"), AtEdge::Caller(Caller::GetModel), id);
        }
        let key = AtEdge::Service(EdgeService::RevokeKey(()));
        found("DELETE", "/internal/keys/abcdefghij23", key, "abcdefghij23");
    }

    #[test]
    fn a_name_is_a_valid_id_of_its_kind() {
        assert_eq!(Caller::JobEvents(()).naming(ID), Some(Caller::JobEvents(ID.parse().unwrap())));
        let key = "abcdefghij23";
        assert_eq!(
            EdgeService::RevokeKey(()).naming(key),
            Some(EdgeService::RevokeKey(key.parse().unwrap()))
        );
        for bad in ["", "x", "%ff", "%00", "%2F", &format!("{ID}%20"), &"x".repeat(10_000)] {
            for route in [Caller::GetJob(()), Caller::CancelJob(()), Caller::JobEvents(())] {
                assert_eq!(route.naming(bad), None, "{bad}");
            }
            assert_eq!(EdgeService::RevokeKey(()).naming(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_unknown_path_is_missing_and_a_wrong_method_gets_the_allowed_ones() {
        for path in [
            "",
            "/",
            "/health/",
            "//health",
            "/%68ealth",
            "/v1/models-",
            "/api/v1/jobs/x/y",
            "/api/v1/jobs/",
            "/api/v1/jobs//cancel",
            "health",
        ] {
            assert_eq!(find_at_edge("GET", path).unwrap_err(), NoRoute::NotFound, "{path}");
        }
        let allow = |path| match find_at_edge("PUT", path) {
            Err(NoRoute::MethodNotAllowed { allow }) => allow,
            other => panic!("{other:?}"),
        };
        assert_eq!(allow("/api/v1/jobs"), ["POST", "GET"]);
        assert_eq!(allow("/internal/keys/abcdefghij23"), ["DELETE"]);
    }

    #[test]
    fn the_origins_own_routes_are_not_at_the_edge() {
        for (method, path) in
            [("GET", "/api/v1/workers"), ("PUT", "/api/v1/workers"), ("POST", "/internal/revoked")]
        {
            assert_eq!(find_at_edge(method, path).unwrap_err(), NoRoute::NotFound, "{path}");
        }
    }

    #[test]
    fn pages_may_ask_for_public_methods_alone() {
        assert_eq!(methods_for_pages("/api/v1/jobs"), ["POST", "GET"]);
        for path in ["/internal/keys", "/internal/keys/abcdefghij23", "/api/v1/workers", "/x"] {
            assert!(methods_for_pages(path).is_empty(), "{path}");
        }
    }

    #[test]
    fn every_row_is_a_route_of_its_own_and_can_be_reached() {
        for (at, info) in ROUTES.iter().enumerate() {
            let path = info.path.replace("{*id}", "a/b");
            let first = |id: &str| {
                let path = path.replace("{id}", id);
                ROUTES.iter().position(|other| other.method == info.method && other.naming(&path).is_some())
            };
            assert_eq!(first(ID), Some(at), "{}", info.path);
            assert_eq!(
                ROUTES.iter().filter(|other| other.route == info.route).count(),
                1,
                "{:?}",
                info.route
            );
            let named = path.replace("{id}", ID);
            let at_edge = find_at_edge(info.method.as_str(), &named).ok();
            assert_eq!(
                at_edge.is_some_and(|found| !found.named.is_empty()),
                info.path.contains('{'),
                "{path}"
            )
        }
    }

    proptest! {
        #[test]
        fn errors_have_openais_shape_below_v1_and_nowhere_else(
            path in "(/(v1|v1x|api|chat|models|embeddings|completions|jobs|[a-z%2/]{0,4})){0,4}/?"
        ) {
            let below = path == "/v1" || path.starts_with("/v1/");
            prop_assert_eq!(shape(&path), if below { Shape::OpenAi } else { Shape::Problem });
        }

        #[test]
        fn no_path_makes_it_panic(method in ".{0,6}", path in ".{0,60}") {
            let _ = find_at_edge(&method, &path);
        }
    }
}
