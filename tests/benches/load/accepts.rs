//! Durable accepts over HTTP. Each is flushed before it is answered, and the jobs run meanwhile as
//! in production.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::wait;

use crate::Outcome;
use crate::arguments::Arguments;
use crate::client::{Request, drive};
use crate::probe;
use crate::process::cpu;
use crate::report::Report;
use crate::stats::{median, quantile};

const PART: &str = "accepts";
const CLIENTS: usize = 64;
const BODY: &str = r#"{"topic": "job.echo", "input": {"order": 17, "items": ["a", "b", "c"]}}"#;

/// The target on any disk, unless a multiple of its serial flushes is lower.
const MIN_RATE: f64 = 2000.0;
const MIN_RATE_PER_FLUSH: f64 = 8.0;

struct Round {
    rate: f64,
    p50: f64,
    p99: f64,
    flushes: f64,
    cpu: f64,
}

pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Outcome<()> {
    let home = Home::new();
    let setup = Setup::echo();
    let origin = Origin::start(&home, &setup).await;
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, setup.port));
    let headers = [format!("authorization: Bearer {}", origin.api.key)];
    let request = Request::post("/api/v1/jobs", &headers, BODY, "202");
    let mut rounds = Vec::new();
    for _ in 0..arguments.rounds {
        let before = probe::flushes(home.path(), Duration::from_secs(1))?;
        let began = cpu(origin.id())?;
        let mut waits = drive(to, &request, CLIENTS, arguments.side).await?;
        let took = cpu(origin.id())? - began;
        drained(&origin).await;
        let after = probe::flushes(home.path(), Duration::from_secs(1))?;
        rounds.push(Round {
            rate: waits.len() as f64 / arguments.side.as_secs_f64(),
            p50: quantile(&mut waits, 0.5),
            p99: quantile(&mut waits, 0.99),
            flushes: f64::midpoint(before, after),
            cpu: took.as_secs_f64() * 1e6 / waits.len() as f64,
        });
    }
    origin.stop();

    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let (rate, flushes) = (of(|round| round.rate), of(|round| round.flushes));
    report.at_least(PART, "64 at once: accepted", rate, MIN_RATE.min(MIN_RATE_PER_FLUSH * flushes), "/s");
    report.add(PART, "64 at once: p50", of(|round| round.p50), "ms");
    report.at_most(PART, "64 at once: p99", of(|round| round.p99), 50.0, "ms");
    report.add(PART, "64 at once: cortex CPU an accept, running included", of(|round| round.cpu), "us");
    report.add(PART, "serial fdatasync around the rounds", flushes, "/s");
    report.add(PART, "accepted / serial fdatasync", of(|round| round.rate / round.flushes), "x");
    Ok(())
}

/// Waits until every accepted job has ended, so that rounds don't disturb each other.
async fn drained(origin: &Origin) {
    wait::until("the jobs are done", Duration::from_secs(120), async || {
        for state in ["PENDING", "SCHEDULED", "DISPATCHED", "RUNNING"] {
            let open = origin.api.get(&format!("/api/v1/jobs?limit=1&state={state}")).await;
            if open.body["jobs"].as_array().is_none_or(|jobs| !jobs.is_empty()) {
                return None;
            }
        }
        Some(())
    })
    .await;
}
