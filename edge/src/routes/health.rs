//! `GET /health`: the edge's own health, and a recent result of a probe of the origin.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use cortex_api::{HealthView, Status};
use worker::{Delay, Env, Response};

use crate::error::ApiError;
use crate::origin::Origin;
use crate::{answer, clock, config};

/// How long the origin may take to respond.
const PROBE_TIMEOUT: Duration = Duration::from_millis(PROBE_TIMEOUT_MS);
const PROBE_TIMEOUT_MS: u64 = 2000;
/// How long a result is valid, in milliseconds.
const PROBE_TTL_MS: u64 = 3000;
/// How often a request that waits for another's probe checks again.
const PROBE_POLL_INTERVAL: Duration = Duration::from_millis(50);

thread_local! {
    static PROBES: RefCell<Probes> = const { RefCell::new(Probes { found: None, probing_until: 0 }) };
}

pub(crate) async fn answer(env: &Env) -> Result<Response, ApiError> {
    let configured = config::pepper(env).is_ok()
        && config::origin_keys(env).is_ok()
        && config::topics(env).is_ok()
        && config::cors_origins(env).is_ok()
        && config::ledger_limits(env).is_ok()
        && config::otlp(env).is_ok();
    let origin = match Origin::of(env) {
        Ok(origin) if is_there(&origin).await => "ok",
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

/// Returns whether the origin responds. The route is public, so requests must not reach the origin
/// each time.
async fn is_there(origin: &Origin) -> bool {
    loop {
        match PROBES.with_borrow_mut(|probes| probes.next(clock::now().as_millis())) {
            Probe::Known(there) => return there,
            Probe::Wait => Delay::from(PROBE_POLL_INTERVAL).await,
            Probe::Ask => {
                let there = origin.is_there(PROBE_TIMEOUT).await;
                PROBES.with_borrow_mut(|probes| probes.note(there, clock::now().as_millis()));
                return there;
            }
        }
    }
}

/// The last result and its time, and when the current probe expires.
#[derive(Debug)]
struct Probes {
    found: Option<(bool, u64)>,
    probing_until: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Probe {
    Known(bool),
    Ask,
    Wait,
}

impl Probes {
    fn next(&mut self, now: u64) -> Probe {
        match self.found {
            Some((there, at)) if now < at + PROBE_TTL_MS => Probe::Known(there),
            Some((there, _)) if now < self.probing_until => Probe::Known(there),
            None if now < self.probing_until => Probe::Wait,
            _ => {
                self.probing_until = now + PROBE_TIMEOUT_MS;
                Probe::Ask
            }
        }
    }

    fn note(&mut self, there: bool, now: u64) {
        *self = Self { found: Some((there, now)), probing_until: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_probes_for_all_and_the_result_is_valid_for_a_while() {
        let mut probes = Probes { found: None, probing_until: 0 };
        assert_eq!(probes.next(0), Probe::Ask);
        assert_eq!(probes.next(10), Probe::Wait);
        probes.note(true, 20);
        assert_eq!([21, 3019].map(|now| probes.next(now)), [Probe::Known(true); 2]);
        assert_eq!([3020, 3021].map(|now| probes.next(now)), [Probe::Ask, Probe::Known(true)]);
        probes.note(false, 3100);
        assert_eq!(probes.next(3101), Probe::Known(false));
    }

    #[test]
    fn a_probe_that_never_returned_is_replaced() {
        let mut probes = Probes { found: None, probing_until: 0 };
        assert_eq!([0, 1999, 2000].map(|now| probes.next(now)), [Probe::Ask, Probe::Wait, Probe::Ask]);
    }
}
