use axum::body::{Body, to_bytes};
use axum::http::Method;
use axum::routing::{get, post};
use cortex_domain::ErrorCode;
use cortex_domain::id::ModelName;
use serde_json::Value;
use tower::ServiceExt;

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn routes() -> Router {
    Router::new()
        .route("/health", get(|| async { "alive" }))
        .route("/v1/chat/completions", post(|| async { "said" }))
        .fallback(|| async { ApiError::from(Problem::new(ErrorCode::NotFound, "nothing")) })
        .method_not_allowed_fallback(|| async {
            ApiError::from(Problem::new(ErrorCode::MethodNotAllowed, "no"))
        })
}

fn local() -> Router {
    Access::default().guard(8081, routes())
}

/// Returns the status, the headers for other origins and keys, and the body.
async fn ask(
    router: &Router,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, Vec<String>, String) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let telling = response.headers().keys().map(|name| name.as_str().to_owned());
    let telling =
        telling.filter(|name| name.starts_with("access-control") || name == "www-authenticate").collect();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, telling, String::from_utf8(body.to_vec()).unwrap())
}

async fn status(router: &Router, path: &str, headers: &[(&str, &str)]) -> u16 {
    ask(router, Method::GET, path, headers).await.0
}

#[tokio::test]
async fn a_program_on_this_machine_is_answered() {
    for host in ["localhost:8081", "127.0.0.1:8081", "[::1]:8081", "localhost"] {
        assert_eq!(
            ask(&local(), Method::GET, "/health", &[("host", host)]).await,
            (200, vec![], "alive".into())
        );
    }
}

#[tokio::test]
async fn a_page_is_refused_at_every_path_and_by_every_method() {
    let page: [&[(&str, &str)]; 6] = [
        &[("host", "attacker.example:8081")],
        &[("host", "localhost:8081"), ("origin", "https://attacker.example")],
        &[("host", "localhost:8081"), ("origin", "null")],
        &[("host", "localhost:8081"), ("sec-fetch-site", "cross-site")],
        &[("host", "localhost:8081"), ("sec-fetch-site", "same-site")],
        &[("host", "localhost:8081"), ("host", "attacker.example")],
    ];
    for headers in page {
        for (method, path) in [
            (Method::GET, "/health"),
            (Method::POST, "/v1/chat/completions"),
            (Method::OPTIONS, "/v1/chat/completions"),
            (Method::DELETE, "/health"),
            (Method::GET, "/nowhere"),
        ] {
            let (status, telling, body) = ask(&local(), method, path, headers).await;
            assert_eq!((status, telling), (403, vec![]), "{headers:?} {path}: {body}");
            assert!(body.contains("expected") && !body.contains("attacker"), "{body}");
        }
    }
    let absolute = "http://attacker.example:8081/health";
    assert_eq!(status(&local(), absolute, &[("host", "localhost:8081")]).await, 403);
}

#[tokio::test]
async fn a_refusal_has_the_shape_of_its_path() {
    let headers = [("host", "attacker.example")];
    let body = ask(&local(), Method::POST, "/v1/chat/completions", &headers).await.2;
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(error["error"]["type"], "permission_error");
    let body = ask(&local(), Method::GET, "/health", &headers).await.2;
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["type"], "urn:cortex:problem:denied");
}

#[tokio::test]
async fn no_preflight_is_allowed() {
    let preflight = [
        ("host", "localhost:8081"),
        ("origin", "http://localhost:8081"),
        ("access-control-request-method", "POST"),
        ("access-control-request-private-network", "true"),
    ];
    for path in ["/health", "/v1/chat/completions"] {
        let (status, telling, _) = ask(&local(), Method::OPTIONS, path, &preflight).await;
        assert_eq!((status, telling), (405, vec![]), "{path}");
    }
}

#[tokio::test]
async fn with_an_allowed_host_every_request_needs_the_key() {
    let hosts = || vec!["host.docker.internal".parse().unwrap()];
    assert_eq!(Access::new(hosts(), None).unwrap_err(), KeyMissing);
    let router = Access::new(hosts(), Some(KEY.parse().unwrap())).unwrap().guard(8081, routes());
    let bearer = format!("Bearer {KEY}");
    for host in ["host.docker.internal:8081", "localhost:8081"] {
        let host = ("host", host);
        assert_eq!(status(&router, "/health", &[host, ("authorization", &bearer)]).await, 200);
        for wrong in ["", "Bearer", "Bearer ", "Basic abc", KEY, "Bearer 0123456789abcdef0123456789abcdee"] {
            let (status, telling, body) =
                ask(&router, Method::GET, "/health", &[host, ("authorization", wrong)]).await;
            assert_eq!((status, telling), (401, vec!["www-authenticate".to_owned()]), "{wrong}: {body}");
        }
        assert_eq!(status(&router, "/health", &[host]).await, 401);
        let twice = [host, ("authorization", &bearer), ("authorization", &bearer)];
        assert_eq!(status(&router, "/health", &twice).await, 401);
    }
    // The key does not let web pages in.
    let page = [("host", "attacker.example"), ("authorization", &*bearer)];
    assert_eq!(status(&router, "/health", &page).await, 403);
}

#[test]
fn a_weak_key_is_rejected_and_a_key_is_not_printed() {
    for weak in
        ["", "short", &KEY[1..], "0123456789abcdef 0123456789abcdef", "0123456789abcdef0123456789abcd\u{e9}"]
    {
        assert_eq!(weak.parse::<HostKey>().unwrap_err(), WeakKey, "{weak}");
    }
    assert!(!format!("{:?}", KEY.parse::<HostKey>().unwrap()).contains("0123"));
}

#[tokio::test]
async fn a_large_head_is_refused_before_anything_else_reads_it() {
    let large = "x".repeat(17 * 1024);
    let (status, _, body) =
        ask(&local(), Method::GET, "/health", &[("host", "localhost"), ("x-a", &large)]).await;
    assert_eq!(status, 431, "{body}");
    let path = format!("/health?{large}");
    let found = ask(&local(), Method::GET, &path, &[("host", "localhost")]).await;
    assert_eq!(found.0, 431);
}

#[tokio::test]
async fn the_hosts_own_routes_are_behind_it() {
    let library = crate::generate::ModelRegistry::new(Empty, Some(0), Default::default());
    let router = Access::default().guard(8082, crate::host::language(library));
    for path in ["/health", "/metrics", "/v1/models"] {
        assert_eq!(status(&router, path, &[("host", "localhost:8082")]).await, 200, "{path}");
        assert_eq!(status(&router, path, &[("host", "attacker.example:8082")]).await, 403, "{path}");
    }
}

/// A library without models.
#[derive(Debug)]
struct Empty;

impl crate::generate::Library for Empty {
    fn list(&self) -> Vec<crate::generate::ModelEntry> {
        vec![]
    }

    fn free(&self) -> u64 {
        0
    }

    fn load(
        &self,
        _: &ModelName,
        _: u64,
        _: &mut dyn FnMut(cortex_api::LoadStep),
        _: tokio_util::sync::CancellationToken,
    ) -> Result<crate::generate::Model, Problem> {
        Err(Problem::new(ErrorCode::UnknownModel, "unknown model"))
    }
}
