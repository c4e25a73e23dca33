//! Messages on the bus that no process of CortexOS would send. Another program that can use the NATS
//! server can send them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use cortex_domain::id::JobId;
use cortex_test_servers::Nats;
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::{ports, wait};
use futures::StreamExt as _;
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest message that the server takes.
const LARGEST: usize = 1024 * 1024;
/// The version 2 of the protocol, in the field that every packet reserves.
const NEWER: [u8; 3] = [0xf8, 0x7f, 2];

/// A client of NATS that sends what it is given.
struct Raw(BufReader<TcpStream>);

impl Raw {
    fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut raw = Self(BufReader::new(stream));
        raw.line();
        raw.send(b"CONNECT {\"verbose\":false,\"headers\":false}\r\n");
        raw
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Publishes a message with a reply subject, and waits until the server has it.
    fn publish(&mut self, subject: &str, body: &[u8]) {
        self.send(format!("PUB {subject} _INBOX.raw {}\r\n", body.len()).as_bytes());
        self.send(body);
        self.send(b"\r\nPING\r\n");
        while self.line() != "PONG" {}
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        assert!(self.0.read_until(b'\n', &mut line).unwrap() > 0, "the server closed the connection");
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Reads the next message: its subject and body.
    fn message(&mut self) -> (String, Vec<u8>) {
        loop {
            let line = self.line();
            let words: Vec<_> = line.split(' ').collect();
            if let ["MSG", subject, .., length] = words[..] {
                let mut body = vec![0; length.parse::<usize>().unwrap() + 2];
                self.0.read_exact(&mut body).unwrap();
                body.truncate(body.len() - 2);
                return (subject.to_owned(), body);
            }
        }
    }

    /// Returns how many messages the stream has.
    fn queued(port: u16) -> u64 {
        let mut raw = Self::connect(port);
        raw.send(b"SUB info 1\r\nPUB $JS.API.STREAM.INFO.CORTEX info 0\r\n\r\n");
        let info: serde_json::Value = serde_json::from_slice(&raw.message().1).unwrap();
        info["state"]["messages"].as_u64().unwrap()
    }
}

/// An origin with NATS and one echo worker.
struct Place {
    home: Home,
    nats: Nats,
    metrics_port: u16,
    origin: Origin,
}

impl Place {
    async fn start() -> Option<Self> {
        let (home, nats) = (Home::new(), Nats::start()?);
        let metrics_port = ports::free();
        let setup = Setup { engines: vec![("NATS_URL", nats.url())], metrics_port, ..Setup::echo() };
        let origin = Origin::start(&home, &setup).await;
        Some(Self { home, nats, metrics_port, origin })
    }

    async fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics_port);
        reqwest::get(url).await.unwrap().text().await.unwrap()
    }

    /// Runs a call and a job.
    async fn works(&self) {
        let call = self.origin.api.submit_and_wait("job.echo", json!(1), 10).await;
        assert_eq!((call.status, &call.body["result"]), (200, &json!(1)), "{call:?}");
        let job = self.origin.api.submit("job.echo", json!(2)).await;
        assert_eq!(self.origin.api.ended(&job.id(), TIMEOUT).await["state"], "SUCCEEDED");
    }

    /// Checks that nothing crashed and no queue keeps a message, and stops the origin.
    async fn stays_well(self) {
        self.works().await;
        wait::until("the queues are empty", TIMEOUT, async || {
            (Raw::queued(self.nats.port()) == 0).then_some(())
        })
        .await;
        let log = self.home.log("origin.log");
        assert!(!log.contains("panicked"), "{log}");
        self.origin.stop();
    }
}

/// Returns the number of rejected messages by subject and reason.
fn rejected(metrics: &str) -> BTreeMap<(String, String), u64> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix("cortex_bus_messages_rejected_total{"));
    lines
        .map(|line| {
            let mut parts = line.split('"');
            let (reason, subject) = (parts.nth(1).unwrap(), parts.nth(1).unwrap());
            let count = parts.next().unwrap().trim_start_matches("} ").parse().unwrap();
            ((subject.to_owned(), reason.to_owned()), count)
        })
        .collect()
}

#[tokio::test]
async fn bad_messages_on_every_subject_are_counted_and_logged_once_and_break_nothing() {
    let Some(place) = Place::start().await else { return };
    // A job that waits for a worker, and a client that follows it: the gateway listens to its progress.
    let waiting = place.origin.api.submit("job.embed", json!("x")).await.id();
    let path = format!("/api/v1/jobs/{waiting}/events");
    let events = place
        .origin
        .api
        .request(reqwest::Method::GET, &path)
        .header("accept", "text/event-stream")
        .send()
        .await
        .unwrap();
    let mut events = events.bytes_stream();
    events.next().await.unwrap().unwrap();

    let job: JobId = waiting.parse().unwrap();
    let submit = cortex_wire::encode_submit(job);
    let mut heartbeats = Raw::connect(place.nats.port());
    heartbeats.send(b"SUB sys.heartbeat.> 1\r\n");
    let (own_subject, heartbeat) = heartbeats.message();
    assert_eq!(own_subject, "sys.heartbeat.echo-1.echo");
    let progress = format!("sys.job.progress.{waiting}");
    let subjects: [(&str, &str, &[u8]); 9] = [
        ("sys.job.call.0", "sys.job.call", &[0x0a, 0x7f, 1]),
        ("sys.job.keep.0", "sys.job.keep", &submit),
        ("sys.job.hangup.0", "sys.job.hangup", &submit),
        ("sys.job.submit.0", "sys.job.submit", &submit),
        ("sys.job.result.0", "sys.job.result", &[0x0a, 0x10, 1]),
        ("sys.heartbeat.echo-1.echo", "sys.heartbeat", &heartbeat),
        ("sys.job.cancel.echo-1", "sys.job.cancel", &[0x0a, 0x10, 1]),
        ("worker.echo-1.jobs", "worker", &[0x0a, 0x10, 1]),
        (&progress, "sys.job.progress", &[0x0a, 0x10, 1]),
    ];
    let bad = |part: &[u8]| {
        [vec![0xff; 64], vec![0xff; LARGEST], part[..part.len() - 1].to_vec(), Vec::new(), NEWER.to_vec()]
    };
    let mut raw = Raw::connect(place.nats.port());
    for (subject, _, part) in subjects {
        // Only a packet that is whole otherwise is refused for its version alone.
        let whole = [submit.as_ref(), heartbeat.as_slice()].contains(&part);
        for _ in 0..3 {
            for body in bad(part) {
                raw.publish(subject, &body);
            }
            if whole {
                raw.publish(subject, &[part, &NEWER].concat());
            }
        }
    }
    raw.publish("sys.heartbeat.other.echo", &heartbeat);
    raw.publish("sys.heartbeat.echo-1.chat", &heartbeat);

    let expected = |family: &str| {
        let kinds = [("malformed", 9), ("invalid", 3), ("newer_version", 3)];
        kinds.map(|(reason, count)| ((family.to_owned(), reason.to_owned()), count))
    };
    let counted = wait::until("all are counted", TIMEOUT, async || {
        let counted = rejected(&place.metrics().await);
        let enough = subjects
            .iter()
            .flat_map(|(_, family, _)| expected(family))
            .all(|(kind, count)| counted.get(&kind).is_some_and(|found| *found >= count));
        (enough && counted.contains_key(&("sys.heartbeat".into(), "misaddressed".into()))).then_some(counted)
    })
    .await;
    // The scheduler and the gateway both read heartbeats.
    assert_eq!(counted[&("sys.heartbeat".into(), "misaddressed".into())], 4, "{counted:?}");
    let log = place.home.log("origin.log");
    let logged: Vec<_> =
        log.lines().filter(|line| line.contains("a message on the bus can't be used")).collect();
    assert_eq!(logged.len(), counted.len(), "one line for each kind: {logged:#?}");
    drop(events);
    place.stays_well().await;
}

#[tokio::test]
async fn replayed_messages_change_nothing() {
    let Some(place) = Place::start().await else { return };
    let mut raw = Raw::connect(place.nats.port());
    raw.send(b"SUB sys.> 1\r\nSUB worker.> 2\r\nSUB job.> 3\r\nPING\r\n");
    while raw.line() != "PONG" {}
    let job = place.origin.api.submit("job.echo", json!(1)).await.id();
    place.origin.api.ended(&job, TIMEOUT).await;
    let call = place.origin.api.submit_and_wait("job.echo", json!(2), 10).await;
    assert_eq!(call.status, 200, "{call:?}");
    let mut seen = Vec::<(String, Vec<u8>)>::new();
    while !["sys.job.call", "sys.job.submit", "worker.echo-1.jobs", "sys.heartbeat.echo-1.echo"]
        .iter()
        .all(|subject| seen.iter().any(|(found, _)| found.starts_with(subject)))
        || seen.iter().filter(|(subject, _)| subject.starts_with("sys.job.result.")).count() < 2
    {
        seen.push(raw.message());
    }
    let events = place.origin.api.events(&job).await;
    let mut raw = Raw::connect(place.nats.port());
    for _ in 0..3 {
        for (subject, body) in &seen {
            raw.publish(subject, body);
        }
    }
    place.works().await;
    let after = place.origin.api.job(&job).await;
    assert_eq!((&after["state"], &after["result"]), (&json!("SUCCEEDED"), &json!(1)), "{after}");
    assert_eq!(place.origin.api.events(&job).await, events, "the log is the same");
    place.stays_well().await;
}
