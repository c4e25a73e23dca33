//! What the edge, the origin and the bus add to the first token of an answer, compared with the
//! worker's own port.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use cortex_tests::origin::Setup;
use cortex_tests::ports;
use cortex_tests::stack::Stack;

use crate::Outcome;
use crate::arguments::Arguments;
use crate::client::{Connection, Request};
use crate::report::Report;
use crate::stats::{median, quantile};

const PART: &str = "first-token";
/// Samples of each path in a round.
const SAMPLES: usize = 100;
const WARM_UP: usize = 20;
const BODY: &str = r#"{"model": "cortex-small", "messages": [{"role": "user", "content": "What is 3 times 4?"}],
    "stream": true, "max_tokens": 4}"#;
/// The part of a chunk that holds text. The first chunk names the role.
const TOKEN: &[u8] = br#""delta":{"content":"#;

/// A path to the worker.
struct Way {
    connection: Connection,
    request: Request,
    waits: Vec<Duration>,
}

impl Way {
    async fn open(port: u16, headers: &[String]) -> Outcome<Self> {
        let connection = Connection::open(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let request = Request::post("/v1/chat/completions", headers, BODY, "200");
        Ok(Self { connection, request, waits: Vec::new() })
    }

    async fn sample(&mut self) -> Outcome<()> {
        let asked = Instant::now();
        let mut first = None;
        let on_data = |answer: &[u8]| {
            if first.is_none() && answer.windows(TOKEN.len()).any(|part| part == TOKEN) {
                first = Some(asked.elapsed());
            }
        };
        self.connection.follow(&self.request, on_data).await?;
        self.waits.push(first.ok_or("an answer without a token")?);
        Ok(())
    }
}

pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Outcome<()> {
    let host = ports::free();
    let stack = Stack::start(Setup { chat_port: host, ..Setup::chat() }).await;
    let key = |key: &str| [format!("authorization: Bearer {key}")];
    let mut ways = [
        Way::open(host, &[]).await?,
        Way::open(stack.setup.port, &key(&stack.origin.api.key)).await?,
        Way::open(stack.edge.setup.port, &key(&stack.api.key)).await?,
    ];
    for _ in 0..WARM_UP {
        for way in &mut ways {
            way.sample().await?;
        }
    }
    for way in &mut ways {
        way.waits.clear();
    }
    for turn in 0..SAMPLES * arguments.rounds {
        // The order changes, so that no path always follows the same other one.
        for place in 0..ways.len() {
            ways[(turn + place) % 3].sample().await?;
        }
    }
    tell(report, &mut ways);
    stack.origin.stop();
    Ok(())
}

fn tell(report: &mut Report, ways: &mut [Way; 3]) {
    let added = |far: usize, near: usize| {
        let pairs = ways[far].waits.iter().zip(&ways[near].waits);
        median(pairs.map(|(far, near)| (far.as_secs_f64() - near.as_secs_f64()) * 1e3).collect())
    };
    let (origin, edge, both) = (added(1, 0), added(2, 1), added(2, 0));
    let names = ["the worker's own port", "through the origin", "through edge and origin"];
    for (way, name) in ways.iter_mut().zip(names) {
        report.add(PART, &format!("{name}: p50"), quantile(&mut way.waits, 0.5), "ms");
        report.add(PART, &format!("{name}: p99"), quantile(&mut way.waits, 0.99), "ms");
    }
    report.add(PART, "added by origin and bus, p50 of pairs", origin, "ms");
    report.add(PART, "added by the edge, p50 of pairs", edge, "ms");
    report.at_most(PART, "added by edge, origin and bus, p50 of pairs", both, 5.0, "ms");
}
