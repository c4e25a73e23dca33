//! What a worker's user can do on a real server: what a worker must, and nothing else.

use async_nats::ConnectOptions;
use bytes::Bytes;
use cortex_bus::contract::heartbeat;
use cortex_bus::{Nats, NatsFiles, NatsOptions, WorkerPermissions, worker_permissions};
use cortex_domain::id::{JobId, WorkerId};
use cortex_domain::ports::Bus as _;
use cortex_domain::share::Share;
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::time::Timestamp;
use cortex_domain::topic::TopicPattern;
use cortex_test_servers::{Nats as Server, NatsOptions as Settings};
use futures::StreamExt as _;
use nkeys::KeyPair;

use crate::raw::Raw;
use crate::{TIMEOUT, next};

/// A server with an origin's user and the worker `w1`, which serves `job.echo`.
struct Place {
    server: Server,
    worker: KeyPair,
    rights: WorkerPermissions,
}

fn w1() -> WorkerId {
    "w1".parse().unwrap()
}

fn echo() -> TopicPattern {
    "job.echo".parse().unwrap()
}

impl Place {
    fn start() -> Option<Self> {
        let worker = KeyPair::new_user();
        let rights = worker_permissions(&w1(), &["echo".parse().unwrap()], &[echo()]);
        let user = rights.user(&worker.public_key());
        let configuration = format!("authorization {{ users: [{{ user: o, password: p }}\n{user}] }}");
        let server = Server::start_with(&Settings { configuration, ..Settings::default() })?;
        Some(Self { server, worker, rights })
    }

    fn origin_options(&self) -> NatsOptions {
        NatsOptions::new(&self.server.url().replace("nats://", "nats://o:p@")).unwrap()
    }

    async fn origin(&self) -> Nats {
        Nats::connect(self.origin_options()).await.unwrap()
    }

    fn raw(&self) -> Raw {
        Raw::connect(self.server.port(), &self.worker)
    }
}

#[tokio::test]
async fn every_right_of_a_worker_is_enough() {
    let Some(place) = Place::start() else { return };
    let _stream = place.origin().await;
    let mut raw = place.raw();
    for subject in &place.rights.publish {
        assert_eq!(raw.publish(&subject.replace('>', "x")), None, "{subject}");
    }
    for subject in &place.rights.subscribe {
        assert_eq!(raw.subscribe(subject), None, "{subject}");
    }
    assert_eq!(raw.subscribe("worker.w1.jobs cortex"), None, "as one of a group");
}

#[tokio::test]
async fn a_worker_can_send_nothing_else() {
    let Some(place) = Place::start() else { return };
    let _stream = place.origin().await;
    let mut raw = place.raw();
    for subject in [
        "worker.w1.jobs",
        "worker.w2.jobs",
        "job.echo",
        "job.chat.simple",
        "sys.job.submit.0",
        "sys.job.call.0",
        "sys.job.keep.0",
        "sys.job.hangup.0",
        "sys.job.pulse.0",
        "sys.job.cancel.w1",
        "sys.job.cancel.w2",
        "sys.job.result",
        "sys.job.result.0.x",
        "sys.job.progress",
        "sys.heartbeat",
        "sys.heartbeat.w1",
        "sys.heartbeat.w1.chat",
        "sys.heartbeat.w1.echo.x",
        "sys.heartbeat.w2.echo",
        "sys.audit.event",
        "sys.policy.check",
        "x",
        "_INBOX.x",
        "_INBOX_w1",
        "_INBOX_w2.x",
        "_INBOX_w11.x",
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.INFO.CORTEX",
        "$JS.API.STREAM.CREATE.CORTEX",
        "$JS.API.STREAM.UPDATE.CORTEX",
        "$JS.API.STREAM.DELETE.CORTEX",
        "$JS.API.STREAM.PURGE.CORTEX",
        "$JS.API.STREAM.MSG.GET.CORTEX",
        "$JS.API.STREAM.MSG.DELETE.CORTEX",
        "$JS.API.DIRECT.GET.CORTEX",
        "$JS.API.CONSUMER.CREATE.CORTEX",
        "$JS.API.CONSUMER.DELETE.CORTEX.sys-job-result-0",
        "$JS.API.CONSUMER.MSG.NEXT.CORTEX.sys-job-submit-0",
        "$JS.ACK.CORTEX.sys-job-result-0.1.1.1.1.1",
        "$SYS.REQ.SERVER.PING.JSZ",
    ] {
        let refusal = raw.publish(subject).unwrap_or_else(|| panic!("{subject} was sent"));
        assert!(refusal.contains("Permissions Violation for Publish"), "{subject}: {refusal}");
    }
}

#[tokio::test]
async fn a_worker_can_receive_nothing_else() {
    let Some(place) = Place::start() else { return };
    let _stream = place.origin().await;
    let mut raw = place.raw();
    for subject in [
        ">",
        "*",
        "*.>",
        "sys.>",
        "sys.job.*",
        "sys.job.submit.0",
        "sys.job.submit.0 cortex",
        "sys.job.result.0",
        "sys.job.call.0 cortex",
        "sys.job.progress.>",
        "sys.job.progress.x",
        "sys.heartbeat.>",
        "sys.heartbeat.w1.echo",
        "sys.job.cancel.>",
        "sys.job.cancel.*",
        "sys.job.cancel.w2",
        "worker.>",
        "worker.*.jobs",
        "worker.*.jobs cortex",
        "worker.w2.jobs",
        "worker.w2.jobs cortex",
        "job.>",
        "job.> cortex",
        "job.* cortex",
        "job.echo",
        "job.echo other",
        "job.echo.> cortex",
        "job.chat.simple cortex",
        "_INBOX.>",
        "_INBOX.*",
        "_INBOX_w2.>",
        "*.x",
        "$JS.>",
        "$JS.API.>",
        "$JS.EVENT.ADVISORY.>",
        "$SYS.>",
        "$SYS.ACCOUNT.>",
    ] {
        let refusal = raw.subscribe(subject).unwrap_or_else(|| panic!("{subject} was subscribed to"));
        assert!(refusal.contains("Permissions Violation for Subscription"), "{subject}: {refusal}");
    }
}

#[tokio::test]
async fn a_worker_replies_once_to_what_it_received_and_to_nothing_else() {
    let Some(place) = Place::start() else { return };
    let origin = ConnectOptions::with_user_and_password("o".into(), "p".into());
    let origin = origin.connect(place.server.url()).await.unwrap();
    let mut replies = origin.subscribe("_INBOX.asked").await.unwrap();
    let mut raw = place.raw();
    assert_eq!(raw.subscribe("worker.w1.jobs"), None);
    origin.publish_with_reply("worker.w1.jobs", "_INBOX.asked", Bytes::from("job")).await.unwrap();
    origin.flush().await.unwrap();
    assert_eq!(raw.message(), "MSG worker.w1.jobs 1 _INBOX.asked 3");
    assert_eq!(raw.publish("_INBOX.asked"), None);
    tokio::time::timeout(TIMEOUT, replies.next()).await.expect("a reply in time").unwrap();
    for again in ["_INBOX.asked", "_INBOX.other"] {
        assert!(raw.publish(again).is_some(), "{again}");
    }
}

#[tokio::test]
async fn a_worker_does_its_work_with_its_rights() {
    let Some(place) = Place::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("w1.nk");
    crate::credentials::write_private(&seed, &place.worker.seed().unwrap());
    let origin = place.origin().await;
    let mut options = NatsOptions::new(&place.server.url()).unwrap();
    options.files = NatsFiles { nkey: Some(seed), ..NatsFiles::default() };
    options.worker = Some(w1());
    let worker = Nats::connect(options).await.unwrap();

    let all = async {
        let own = worker.respond(Filter::worker(&w1())).await.unwrap();
        let of_topic = worker.respond(Filter::topic(&echo())).await.unwrap();
        let mut cancels = worker.subscribe(Filter::only(&Subject::cancel(&w1()))).await.unwrap();
        let plain = ConnectOptions::with_user_and_password("o".into(), "p".into());
        let plain = plain.connect(place.server.url()).await.unwrap();
        for (subject, mut jobs) in [("worker.w1.jobs", own), ("job.echo", of_topic)] {
            let answering = async {
                jobs.next().await.unwrap().reply.send(Bytes::from("accepted"));
            };
            let (answer, ()) = tokio::join!(plain.request(subject, Bytes::from("job")), answering);
            assert_eq!(answer.unwrap().payload, "accepted");
        }
        origin.publish(Subject::cancel(&w1()), Bytes::from("stop"));
        assert_eq!(cancels.next().await.unwrap().body, "stop");

        let job = JobId::mint(Timestamp::from_millis(1), [1; 10]);
        let mut progress = origin.subscribe(Filter::only(&Subject::progress(job))).await.unwrap();
        let mut heartbeats = origin.subscribe(Filter::HEARTBEATS).await.unwrap();
        let mut results = origin.consume(Subject::result(Share::FIRST)).await.unwrap();
        worker.publish(Subject::progress(job), Bytes::from("half"));
        assert_eq!(progress.next().await.unwrap().body, "half");
        worker.publish(heartbeat(), Bytes::from("alive"));
        assert_eq!(heartbeats.next().await.unwrap().body, "alive");
        worker.append(Subject::result(Share::FIRST), Bytes::from("done")).await.unwrap();
        assert_eq!(next(results.as_mut()).await.body, "done");
    };
    tokio::time::timeout(TIMEOUT, all).await.expect("all of it in time");
}
