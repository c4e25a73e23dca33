//! The routes: everything that is not in this table is not there.

pub(crate) mod admin;
pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod job;
pub(crate) mod list;
pub(crate) mod through;

use cortex_api::{Problem, not_served};
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use cortex_domain::id::KeyId;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    Health,
    CreateJob,
    ListJobs,
    GetJob(JobId),
    CancelJob(JobId),
    JobEvents(JobId),
    Embeddings,
    Chat,
    Complete,
    Short,
    Models,
    /// Signed by the origin or the CLI.
    Internal(Internal),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Internal {
    States,
    CreateKey,
    ListKeys,
    RevokeKey(KeyId),
}

impl Route {
    /// Whether its body is JSON of a caller's.
    pub(crate) fn takes_json(&self) -> bool {
        matches!(self, Self::CreateJob | Self::Embeddings | Self::Chat | Self::Complete | Self::Short)
    }
}

/// Finds a request's route: the routes of its path by method, then the one that it asks for.
pub(crate) fn route(method: &str, path: &str) -> Result<Route, Problem> {
    let routes = routes(path)?;
    let allowed: Vec<&str> = routes.iter().map(|(method, _)| *method).collect();
    let found = routes.into_iter().find(|(known, _)| *known == method);
    found.map(|(_, route)| route).ok_or_else(|| {
        let detail = format!("this path takes {}", allowed.join(" and "));
        Problem::new(ErrorCode::MethodNotAllowed, detail).with("allow", allowed)
    })
}

/// The methods of a path that callers may use; `None` where there is none.
pub(crate) fn public_methods(path: &str) -> Option<Vec<&'static str>> {
    let public = |(method, route)| if matches!(route, Route::Internal(_)) { None } else { Some(method) };
    let methods: Vec<_> = routes(path).ok()?.into_iter().filter_map(public).collect();
    (!methods.is_empty()).then_some(methods)
}

fn routes(path: &str) -> Result<Vec<(&'static str, Route)>, Problem> {
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or_default().splitn(7, '/').collect();
    Ok(match parts[..] {
        ["health"] => vec![("GET", Route::Health)],
        ["api", "v1", "jobs"] => vec![("POST", Route::CreateJob), ("GET", Route::ListJobs)],
        ["api", "v1", "jobs", id] => vec![("GET", Route::GetJob(job(id)?))],
        ["api", "v1", "jobs", id, "cancel"] => vec![("POST", Route::CancelJob(job(id)?))],
        ["api", "v1", "jobs", id, "events"] => vec![("GET", Route::JobEvents(job(id)?))],
        ["v1", "embeddings"] => vec![("POST", Route::Embeddings)],
        ["v1", "chat", "completions"] => vec![("POST", Route::Chat)],
        ["v1", "completions"] => vec![("POST", Route::Complete)],
        ["v1", "models"] | ["v1", "models", _, ..] => vec![("GET", Route::Models)],
        ["chat"] => vec![("POST", Route::Short)],
        ["internal", "ledger", "states"] => vec![("POST", Route::Internal(Internal::States))],
        ["internal", "keys"] => {
            vec![("POST", Route::Internal(Internal::CreateKey)), ("GET", Route::Internal(Internal::ListKeys))]
        }
        ["internal", "keys", id] => {
            let id = id.parse().map_err(|_| missing())?;
            vec![("DELETE", Route::Internal(Internal::RevokeKey(id)))]
        }
        ["v1", ..] => return Err(not_served(path)),
        _ => return Err(missing()),
    })
}

/// An id that can't be one is as missing as any other.
fn job(id: &str) -> Result<JobId, Problem> {
    id.parse().map_err(|_| missing())
}

fn missing() -> Problem {
    Problem::new(ErrorCode::NotFound, "there is nothing here under that name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_paths_lead_somewhere() {
        let id = "01a1fb51-9430-7707-8707-070707070707";
        let job: JobId = id.parse().unwrap();
        for (method, path, expected) in [
            ("GET", "/health".to_owned(), Route::Health),
            ("POST", "/api/v1/jobs".to_owned(), Route::CreateJob),
            ("GET", "/api/v1/jobs".to_owned(), Route::ListJobs),
            ("GET", format!("/api/v1/jobs/{id}"), Route::GetJob(job)),
            ("POST", format!("/api/v1/jobs/{id}/cancel"), Route::CancelJob(job)),
            ("GET", format!("/api/v1/jobs/{id}/events"), Route::JobEvents(job)),
            ("GET", "/v1/models".to_owned(), Route::Models),
            ("GET", "/v1/models/org/a%2Fb".to_owned(), Route::Models),
            ("POST", "/v1/chat/completions".to_owned(), Route::Chat),
            ("POST", "/v1/completions".to_owned(), Route::Complete),
            ("POST", "/chat".to_owned(), Route::Short),
            ("GET", "/internal/keys".to_owned(), Route::Internal(Internal::ListKeys)),
        ] {
            assert_eq!(route(method, &path), Ok(expected), "{method} {path}");
        }
    }

    /// Where each path led when this was last looked at. A change here is a change that callers see.
    const SEEN: &str = include_str!("paths.txt");

    #[test]
    fn every_path_leads_where_it_did() {
        let id = "01a1fb51-9430-7707-8707-070707070707";
        let mut seen = String::new();
        let paths = SEEN.lines().filter(|line| !line.starts_with("  "));
        for template in paths {
            let path = template.replace("{id}", id).replace("{rest}", &id[1..]);
            seen.push_str(&format!("{template}\n"));
            for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get"] {
                seen.push_str(&format!("  {method} {}\n", led(method, &path)));
            }
            seen.push_str(&format!("  pages {:?}\n", public_methods(&path)));
        }
        assert!(seen == SEEN, "paths lead elsewhere now:\n{seen}");
    }

    fn led(method: &str, path: &str) -> String {
        match route(method, path) {
            Ok(route) => format!("{route:?}"),
            Err(problem) => format!(
                "{} {} {}",
                problem.kind,
                problem.detail,
                problem.extensions.get("allow").map(ToString::to_string).unwrap_or_default()
            ),
        }
    }

    #[test]
    fn pages_may_ask_for_public_methods_alone() {
        assert_eq!(public_methods("/api/v1/jobs"), Some(vec!["POST", "GET"]));
        for path in ["/internal/keys", "/internal/ledger/states", "/internal/keys/aaaaaaaaaaaa", "/x", ""] {
            assert_eq!(public_methods(path), None, "{path}");
        }
    }

    #[test]
    fn other_paths_are_missing_and_other_methods_are_told() {
        for path in [
            "",
            "/",
            "/x",
            "/health/",
            "//health",
            "/api/v1/jobs/1",
            "/api/v1/jobs/x/events",
            "/internal/keys/x",
        ] {
            assert_eq!(route("GET", path).unwrap_err().kind, ErrorCode::NotFound, "{path}");
        }
        let problem = route("PUT", "/api/v1/jobs").unwrap_err();
        assert_eq!(
            (problem.kind, problem.detail.as_str()),
            (ErrorCode::MethodNotAllowed, "this path takes POST and GET")
        );
    }
}
