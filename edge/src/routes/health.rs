//! `GET /health`: the edge serves as long as it answers; whether the origin does too is told beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_guard::api::{HealthView, Status};
use worker::{Env, Response};

use crate::origin::Origin;
use crate::refusal::Refusal;
use crate::{answer, config};

const DEADLINE: Duration = Duration::from_secs(2);

pub(crate) async fn answer(env: &Env) -> Result<Response, Refusal> {
    let configured =
        config::pepper(env).is_ok() && config::origin_keys(env).is_ok() && config::topics(env).is_ok();
    let origin = match Origin::of(env) {
        Ok(origin) if origin.is_there(DEADLINE).await => "ok",
        Ok(_) => "away",
        Err(_) => "not configured",
    };
    let configured = if configured { "ok" } else { "incomplete" };
    let checks = BTreeMap::from([
        ("origin".to_owned(), origin.to_owned()),
        ("configuration".to_owned(), configured.to_owned()),
    ]);
    let well = checks.values().all(|check| check == "ok");
    let view = HealthView {
        status: if well { Status::Ok } else { Status::Degraded },
        service: "edge".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        checks,
    };
    Ok(answer::json(200, &view, &[])?)
}
