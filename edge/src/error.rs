//! Why a request fails.

use cortex_api::routes::NoRoute;
use cortex_api::{Problem, not_served};
use cortex_domain::ErrorCode;

use crate::log;

/// An error for the caller, or an internal error.
#[derive(Debug)]
pub(crate) enum ApiError {
    Problem(Problem),
    Broken(String),
}

impl ApiError {
    /// Returns the problem for the caller. The cause of an internal error is only logged.
    pub(crate) fn into_problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::Broken(cause) => {
                log::error("request.broken", &[("cause", &cause)]);
                Problem::new(ErrorCode::Internal, "internal error: try again, and report it if it persists")
            }
        }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<worker::Error> for ApiError {
    fn from(error: worker::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

pub(crate) fn not_found() -> ApiError {
    Problem::new(ErrorCode::NotFound, "no resource at this path").into()
}

/// Returns the problem of a request without a route.
pub(crate) fn no_route(none: NoRoute, path: &str) -> Problem {
    match none {
        NoRoute::NotFound => not_served(path),
        NoRoute::MethodNotAllowed { allow } => {
            let detail = format!("method not allowed (expected {})", allow.join(" and "));
            Problem::new(ErrorCode::MethodNotAllowed, detail).with("allow", allow)
        }
    }
}

#[cfg(test)]
mod tests {
    use cortex_api::routes::{ROUTES, find_at_edge, methods_for_pages};

    use super::*;

    /// The recorded results for each path. A change here is visible to callers.
    const EXPECTED: &str = include_str!("routes/paths.txt");
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/routes/paths.txt");
    const BLESS: &str = "CORTEX_BLESS=1 cargo test -p cortex-edge every_path";

    #[test]
    fn every_path_leads_to_its_recorded_route() {
        let id = "01a1fb51-9430-7707-8707-070707070707";
        let mut seen = String::new();
        let mut paths: Vec<_> = EXPECTED.lines().filter(|line| !line.starts_with("  ")).collect();
        for route in ROUTES.iter().map(|info| info.path).filter(|path| !path.contains('*')) {
            if !paths.contains(&route) {
                paths.push(route);
            }
        }
        for template in paths {
            let path = template.replace("{id}", id).replace("{rest}", &id[1..]);
            seen.push_str(&format!("{template}\n"));
            for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get"] {
                seen.push_str(&format!("  {method} {}\n", led(method, &path)));
            }
            seen.push_str(&format!("  pages {:?}\n", methods_for_pages(&path)));
        }
        if std::env::var("CORTEX_BLESS").is_ok_and(|bless| bless == "1") {
            std::fs::write(FILE, seen).unwrap();
        } else {
            assert!(seen == EXPECTED, "paths lead elsewhere now; run\n{BLESS}");
        }
    }

    fn led(method: &str, path: &str) -> String {
        match find_at_edge(method, path).map_err(|none| no_route(none, path)) {
            Ok(found) => format!("{:?} {}", found.route, found.named).trim_end().to_owned(),
            Err(problem) => {
                let allow = problem.extensions.get("allow").map(ToString::to_string).unwrap_or_default();
                format!("{} {} {allow}", problem.kind, problem.detail)
            }
        }
    }
}
