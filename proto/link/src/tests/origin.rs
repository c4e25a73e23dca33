//! An origin for tests: a bus, a memory and a listening server.

use std::sync::Arc;

use bytes::Bytes;
use cortex_domain::flow::{Accepted, Assignment};
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::job::{InputFormat, Limits as JobLimits, Owner, Priority, Request};
use cortex_domain::pointer::Memory;
use cortex_domain::policy::{Gate, clear};
use cortex_domain::ports::{Bus, Delivery, Event, Payloads, RequestError, Subscription};
use cortex_domain::share::Share;
use cortex_domain::state::{Attempt, Lease, Target};
use cortex_domain::subject::{Filter, Published, Subject};
use cortex_domain::task::TaskReply;
use cortex_domain::time::Timestamp;
use cortex_domain::worker::Heartbeat;
use cortex_wire::{decode_decision, decode_task_reply, encode_assignment};
use futures::FutureExt as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::TEST_TIMEOUT;
use crate::client::Link;
use crate::origin::Inbox;
use crate::{Dial, Identity, Limits, LinkAddress, Listener, Route, Server, Tokens, open};
use cortex_bus::Embedded;
use cortex_bus::payload::InMemory;
use cortex_platform::entropy::random;

/// The result of offering a job.
pub(super) type Replied = Result<TaskReply, RequestError>;

pub(super) struct Origin {
    pub(super) bus: Embedded,
    pub(super) payloads: Arc<InMemory>,
    pub(super) server: Server,
    pub(super) tokens: Tokens,
    pub(super) route: Route,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

impl Origin {
    pub(super) async fn start() -> Self {
        Self::at(&"tcp:127.0.0.1:0".parse().unwrap()).await
    }

    pub(super) async fn at(address: &LinkAddress) -> Self {
        Self::with(address, &Identity::generate().unwrap()).await
    }

    pub(super) async fn with(address: &LinkAddress, identity: &Identity) -> Self {
        let listener = Listener::bind(address, identity).await.unwrap();
        let (bus, payloads) = (Embedded::default(), Arc::new(InMemory::default()));
        let tokens = Tokens::default();
        tokens.admit_text("test".parse().unwrap(), ["echo".parse().unwrap()], "token");
        let server = Server::new(Arc::new(bus.clone()), payloads.clone(), tokens.clone(), Limits::default());
        let shutdown = CancellationToken::new();
        let route = listener.route().clone();
        let (serving, until) = (server.clone(), shutdown.clone());
        let serving = tokio::spawn(async move { serving.serve(listener, until).await.unwrap() });
        Self { bus, payloads, server, tokens, route, shutdown, serving }
    }

    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(TEST_TIMEOUT, self.serving).await.expect("it stops in time").unwrap();
    }

    pub(super) fn connect(&self, name: &'static str) -> (Arc<Link>, Inbox) {
        self.connect_with(name, "token")
    }

    pub(super) fn connect_with(&self, name: &'static str, token: &str) -> (Arc<Link>, Inbox) {
        open(self.dial(token), Box::new(move || worker(name)))
    }

    /// Connects a worker of a pool over a route, with a token.
    pub(super) fn connect_as(
        &self,
        name: &'static str,
        pool: &'static str,
        token: &str,
    ) -> (Arc<Link>, Inbox) {
        let introduce = move || Heartbeat { pool: pool.parse().unwrap(), ..worker(name) };
        open(self.dial(token), Box::new(introduce))
    }

    pub(super) fn dial(&self, token: &str) -> Dial {
        Dial { route: self.route.clone(), token: token.to_owned(), limits: Limits::default() }
    }

    pub(super) async fn listen(&self, filter: Filter<Published>) -> Box<dyn Subscription<Event>> {
        self.bus.subscribe(filter).await.unwrap()
    }

    /// Returns the workers' reports.
    pub(super) async fn results(&self) -> Box<dyn Subscription<Delivery>> {
        self.bus.consume(Subject::result(Share::FIRST)).await.unwrap()
    }

    /// Sends a job like the scheduler. Returns the worker's reply.
    pub(super) async fn offer(&self, to: &str, input: Option<&str>) -> (Assignment, JoinHandle<Replied>) {
        let assignment = assignment(to);
        if let Some(input) = input {
            self.payloads.put(assignment.context(), Bytes::from(input.to_owned())).await.unwrap();
        }
        let (bus, subject, packet) =
            (self.bus.clone(), Subject::of(&assignment), encode_assignment(&assignment));
        let mut asking = Box::pin(async move {
            let replied = bus.request(subject, packet, TEST_TIMEOUT).await;
            replied.map(|reply| decode_task_reply(&reply).unwrap())
        });
        // The job is sent before this returns, so that jobs arrive in the order of the calls.
        let replied = asking.as_mut().now_or_never();
        let replied = tokio::spawn(async move {
            match replied {
                Some(replied) => replied,
                None => asking.await,
            }
        });
        (assignment, replied)
    }

    pub(super) async fn dispatch(&self, to: &str, input: Option<&str>) -> Assignment {
        self.offer(to, input).await.0
    }

    /// Waits until no responder takes jobs for a worker.
    pub(super) async fn is_gone(&self, name: &str) {
        let subject = Subject::of(&assignment(name));
        let gone = async {
            let ask = || self.bus.request(subject.clone(), Bytes::new(), TEST_TIMEOUT);
            while ask().await != Err(RequestError::NoResponder(subject.clone())) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(TEST_TIMEOUT, gone).await.expect("the subscription ends with the link");
    }
}

pub(crate) fn worker(name: &str) -> Heartbeat {
    let (pool, topics) = ("echo".parse().unwrap(), vec!["job.echo".parse().unwrap()]);
    Heartbeat::new(name.parse().unwrap(), "echo", pool, topics, 4)
}

pub(super) fn assignment(to: &str) -> Assignment {
    let now = Timestamp::from_millis(1_795_217_790_000);
    let request = Request {
        id: JobId::mint(now, random()),
        owner: Owner { tenant: "acme".parse().unwrap(), principal: "tests".parse().unwrap(), roles: vec![] },
        topic: "job.echo".parse().unwrap(),
        model: None,
        input: InputFormat::default(),
        priority: Priority::Normal,
        limits: JobLimits { attempts: 3, run: TEST_TIMEOUT, deadline: None },
        labels: Default::default(),
        idempotency: None,
        content: None,
        estimate: Default::default(),
        hops: vec![],
        created_at: now,
        traceparent: None,
    };
    let lease = Lease { attempt: Attempt(1), dispatch: DispatchId::new(random()).in_share(Share::FIRST) };
    let accepted = Accepted::ephemeral(request, Memory::Local);
    match clear(accepted, decode_decision(ALLOWED).unwrap()) {
        Gate::Passed(cleared) => {
            cleared.place(Target::Worker(to.parse().unwrap()), lease, now).unwrap().into_parts().1
        }
        other => panic!("{other:?}"),
    }
}

/// `CheckResponse { allow: Clearance { policy: "p", rule: "r" } }`.
const ALLOWED: &[u8] = b"\x0a\x06\x0a\x01p\x12\x01r";
