//! `GET /health`, for whoever asks.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use cortex_api::{HealthView, Status};
use cortex_domain::ports::Sequence;
use http::StatusCode;

use crate::door::Anybody;
use crate::gateway::Gateway;

/// Whether the origin serves: 200, or 503 when its store doesn't answer.
pub(crate) async fn check(State(gateway): State<Gateway>, _: Anybody) -> (StatusCode, Json<HealthView>) {
    let inner = &gateway.inner;
    let store = inner.store.outbox(Sequence::default(), 1).await.is_ok();
    let workers = inner.workers.present(inner.clock.uptime()).len();
    let word = |sound: bool| if sound { "ok" } else { "away" }.to_owned();
    let checks =
        BTreeMap::from([("store".to_owned(), word(store)), ("workers".to_owned(), word(workers > 0))]);
    let view = HealthView {
        status: if store && workers > 0 { Status::Ok } else { Status::Degraded },
        service: "gateway".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        checks,
    };
    let status = if store { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(view))
}
