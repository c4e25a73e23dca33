//! What a synchronous call of the echo engine costs, compared with a plain echo.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};

use crate::Outcome;
use crate::arguments::Arguments;
use crate::client::{Request, drive};
use crate::plain::Plain;
use crate::process::cpu;
use crate::report::Report;
use crate::stats::{median, quantile};

const PART: &str = "sync";
const WARM_UP: Duration = Duration::from_millis(500);
const BODY: &str = r#"{"topic": "job.echo", "input": {"question": "how much does a call cost?", "n": 17}}"#;

/// One side of one round. Processor time is in microseconds a call.
struct Round {
    p50: f64,
    p99: f64,
    rate: f64,
    cpu: Vec<f64>,
}

/// An endpoint to call, and the processes that work for it.
struct Side {
    address: SocketAddr,
    request: Request,
    processes: Vec<u32>,
}

impl Side {
    async fn round(&self, clients: usize, during: Duration) -> Outcome<Round> {
        drive(self.address, &self.request, clients, WARM_UP).await?;
        let before = self.cpu()?;
        let mut waits = drive(self.address, &self.request, clients, during).await?;
        let took = self.cpu()?.into_iter().zip(before).map(|(after, before)| after - before);
        Ok(Round {
            p50: quantile(&mut waits, 0.5),
            p99: quantile(&mut waits, 0.99),
            rate: waits.len() as f64 / during.as_secs_f64(),
            cpu: took.map(|took| took.as_secs_f64() * 1e6 / waits.len() as f64).collect(),
        })
    }

    fn cpu(&self) -> Outcome<Vec<Duration>> {
        self.processes.iter().map(|pid| cpu(*pid)).collect()
    }
}

pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Outcome<()> {
    let plain = Plain::start()?;
    let home = Home::new();
    let setup = Setup::echo();
    let origin = Origin::start(&home, &setup).await;
    let workers = origin.workers().await;

    let theirs = Side {
        address: plain.address,
        request: Request::post("/", &[], BODY, "200"),
        processes: vec![plain.id()],
    };
    let headers = [format!("authorization: Bearer {}", origin.api.key), "prefer: wait=10".to_owned()];
    let ours = Side {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, setup.port)),
        request: Request::post("/api/v1/jobs", &headers, BODY, "200"),
        processes: [origin.id()].into_iter().chain(workers.iter().map(|(_, pid)| *pid)).collect(),
    };
    for clients in [1, 32] {
        let mut rounds = Vec::new();
        for _ in 0..arguments.rounds {
            let plain = theirs.round(clients, arguments.side).await?;
            rounds.push((plain, ours.round(clients, arguments.side).await?));
        }
        tell(report, clients, &rounds);
    }
    origin.stop();
    Ok(())
}

fn tell(report: &mut Report, clients: usize, rounds: &[(Round, Round)]) {
    let of = |value: fn(&Round, &Round) -> f64| {
        median(rounds.iter().map(|(plain, ours)| value(plain, ours)).collect())
    };
    let mut add =
        |name: &str, value, unit| report.add(PART, &format!("{clients} at once: {name}"), value, unit);
    add("plain echo p50", of(|plain, _| plain.p50), "ms");
    add("origin p50", of(|_, ours| ours.p50), "ms");
    add("origin p99", of(|_, ours| ours.p99), "ms");
    add("plain echo calls", of(|plain, _| plain.rate), "/s");
    add("origin calls", of(|_, ours| ours.rate), "/s");
    add("plain echo CPU a call", of(|plain, _| plain.cpu[0]), "us");
    add("cortex CPU a call", of(|_, ours| ours.cpu[0]), "us");
    add("cortex-worker CPU a call", of(|_, ours| ours.cpu[1]), "us");
    let added = of(|plain, ours| ours.p50 - plain.p50);
    let cortex = of(|plain, ours| ours.cpu[0] / plain.cpu[0]);
    let both = of(|plain, ours| ours.cpu.iter().sum::<f64>() / plain.cpu[0]);
    if clients == 1 {
        report.at_most(PART, "1 at once: added p50", added, 0.3, "ms");
    } else {
        report.add(PART, &format!("{clients} at once: added p50"), added, "ms");
    }
    report.at_most(PART, &format!("{clients} at once: CPU, cortex / plain"), cortex, 5.0, "x");
    report.add(PART, &format!("{clients} at once: CPU, with the worker / plain"), both, "x");
}
