//! A real origin: a bus, payloads and a listening server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cortex_bus::Embedded;
use cortex_bus::payload::InMemory;
use cortex_domain::flow::Assignment;
use cortex_domain::ports::{Bus, Delivery, Event, Payloads, Subscription};
use cortex_domain::share::Share;
use cortex_domain::subject::{Filter, Published, Subject};
use cortex_domain::task::TaskReply;
use cortex_link::origin::{Inbox, Origin, join};
use cortex_link::{Dial, Identity, Limits, LinkAddress, Listener, Route, Server, Tokens, open};
use cortex_wire::{decode_task_reply, encode_assignment};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::assignment::assignment;
use crate::tests::origin::settings;
use crate::{Engine, RunError, Worker};

pub(super) struct OriginServer {
    pub(super) payloads: Arc<InMemory>,
    bus: Embedded,
    route: Route,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

/// A running worker.
pub(super) struct RunningWorker {
    pub(super) shutdown: CancellationToken,
    pub(super) working: JoinHandle<Result<(), RunError>>,
}

impl OriginServer {
    pub(super) async fn open() -> Self {
        Self::at(&"tcp:127.0.0.1:0".parse().unwrap()).await
    }

    pub(super) async fn at(address: &LinkAddress) -> Self {
        let listener = Listener::bind(address, &Identity::generate().unwrap()).await.unwrap();
        let route = listener.route().clone();
        let (bus, payloads) = (Embedded::default(), Arc::new(InMemory::default()));
        let tokens = Tokens::default();
        let pools = ["echo", "scripted", "chat"].map(|pool| pool.parse().unwrap());
        tokens.admit_text("test".parse().unwrap(), pools, "token");
        let server = Server::new(Arc::new(bus.clone()), payloads.clone(), tokens, Limits::default());
        let shutdown = CancellationToken::new();
        let until = shutdown.clone();
        let serving = tokio::spawn(async move { server.serve(listener, until).await.unwrap() });
        Self { payloads, bus, route, shutdown, serving }
    }

    pub(super) async fn close(self) {
        self.shutdown.cancel();
        in_time(self.serving).await.unwrap();
    }

    pub(super) async fn listen(&self, filter: Filter<Published>) -> Box<dyn Subscription<Event>> {
        self.bus.subscribe(filter).await.unwrap()
    }

    /// Returns the results that workers report.
    pub(super) async fn results(&self) -> Box<dyn Subscription<Delivery>> {
        self.bus.consume(Subject::result(Share::FIRST)).await.unwrap()
    }

    /// Starts a worker over the link, and waits for its first heartbeat.
    pub(super) async fn link(&self, engine: impl Engine) -> RunningWorker {
        let mut heartbeats = self.listen(Filter::HEARTBEATS).await;
        let worker = Worker::new(settings(4), Arc::new(engine));
        let token = "token".to_owned();
        let dial = Dial { route: self.route.clone(), token, limits: Limits::default() };
        let (origin, inbox) = open(dial, worker.introduction());
        let working = start(worker, origin, inbox);
        in_time(heartbeats.next()).await.unwrap();
        working
    }

    /// Starts a worker directly on the bus.
    pub(super) async fn join(&self, engine: impl Engine) -> RunningWorker {
        let worker = Worker::new(settings(4), Arc::new(engine));
        let bus = Arc::new(self.bus.clone());
        let every = Duration::from_secs(1);
        let (origin, inbox) = join(bus, self.payloads.clone(), worker.introduction(), every).await.unwrap();
        start(worker, origin, inbox)
    }

    /// Sends a job as the scheduler does. Returns it with the worker's reply to come.
    pub(super) async fn offer(&self, input: &'static str) -> (Assignment, JoinHandle<TaskReply>) {
        let assignment = assignment(&settings(1).id);
        self.payloads.put(assignment.context(), Bytes::from(input)).await.unwrap();
        let (bus, subject, packet) =
            (self.bus.clone(), Subject::of(&assignment), encode_assignment(&assignment));
        let replied = tokio::spawn(async move {
            let reply = bus.request(subject, packet, Duration::from_secs(10)).await.unwrap();
            decode_task_reply(&reply).unwrap()
        });
        (assignment, replied)
    }

    pub(super) async fn dispatch(&self, input: &'static str) -> Assignment {
        self.offer(input).await.0
    }
}

fn start(worker: Worker, origin: Arc<dyn Origin>, inbox: Inbox) -> RunningWorker {
    let shutdown = CancellationToken::new();
    let working = tokio::spawn(worker.run(origin, inbox, shutdown.clone()));
    RunningWorker { shutdown, working }
}

/// Fails the test if the future takes too long.
pub(super) async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("in time")
}
