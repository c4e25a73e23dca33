//! The routes of the edge, as the table says.
#![allow(clippy::unwrap_used)]

use cortex_api::openapi;
use cortex_api::routes::{Access, Method as RouteMethod, ROUTES, ServedBy};
use cortex_tests::api::{Answer, Api};
use cortex_tests::edge::{Edge, Secrets, Setup};
use reqwest::Method;

/// An id of any kind that a path of the table names.
fn named(path: &str) -> String {
    let id = if path.contains("/keys/") { "abcdefghij23" } else { "01a1fb51-9430-7707-8707-070707070707" };
    path.replace("{*id}", "org/a").replace("{id}", id)
}

async fn ask(api: &Api, method: RouteMethod, path: &str) -> Answer {
    let method = Method::from_bytes(method.as_str().as_bytes()).unwrap();
    let request = reqwest::Client::new().request(method, format!("{}{path}", api.url));
    cortex_tests::api::read(request.header("content-type", "application/json")).await
}

#[tokio::test]
async fn every_route_of_the_table_is_there_for_those_who_may_call_it_and_no_other_is() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), &Setup::before("http://127.0.0.1:9", Secrets::made())).await;
    let nobody = Api::new(&edge.url, "");
    for info in ROUTES {
        let path = named(info.path);
        let expected = match (info.served_by(), info.access()) {
            (ServedBy::Origin, _) => 404,
            (_, Access::Public) => 200,
            (_, Access::Caller | Access::Local | Access::Service) => 401,
        };
        assert_eq!(ask(&nobody, info.method, &path).await.status, expected, "{:?} {path}", info.method);
    }
    let document = ask(&nobody, RouteMethod::Get, "/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    assert_eq!(document.body, serde_json::from_str::<serde_json::Value>(openapi::TEXT).unwrap());
}
