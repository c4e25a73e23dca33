//! The origin's end: lets workers in and sees to it that each has one link.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cortex_domain::id::{Pool, WorkerId};
use cortex_domain::ports::{Bus, Payloads};
use cortex_domain::worker::Heartbeat;
use cortex_wire::link::Up;
use cortex_wire::{MAX_PACKET, v1};
use futures::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::admission::Admission;
use super::assigned::Assigned;
use super::connections::Connections;
use super::links::Links;
use super::listen::Listener;
use super::session;
use super::tokens::{TokenId, TokenRefusal, Tokens, WorkerToken};

/// How long a worker may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a worker whose token lets it in nowhere waits for that answer: it is what a guess costs.
const REFUSAL_DELAY: Duration = Duration::from_secs(1);
/// How long links have to end once the server is to stop. Connections that are open then are cut.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// What a link allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest input or answer, in bytes.
    pub payload: usize,
    /// How often workers are to send a heartbeat.
    pub heartbeat: Duration,
    /// Reports of one worker that are being settled at a time.
    pub reports: usize,
}

impl Limits {
    /// The longest message: a payload with the packet around it.
    pub(super) fn message(&self) -> usize {
        self.payload.saturating_add(MAX_PACKET)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload: 16 * 1024 * 1024, heartbeat: Duration::from_secs(2), reports: 256 }
    }
}

/// The origin's end of every link. A clone is the same server.
#[derive(Clone)]
pub struct Server(Arc<Shared>);

pub(super) struct Shared {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) payloads: Arc<dyn Payloads>,
    pub(super) limits: Limits,
    pub(super) assigned: Assigned,
    tokens: Tokens,
    links: Links,
    dropped: AtomicU64,
    stopping: CancellationToken,
}

impl Server {
    /// Workers prove by one of `tokens` that they belong here.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, payloads: Arc<dyn Payloads>, tokens: Tokens, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            bus,
            payloads,
            limits,
            assigned: Assigned::default(),
            tokens,
            links: Links::default(),
            dropped: AtomicU64::new(0),
            stopping: CancellationToken::new(),
        }))
    }

    /// Replaces the tokens that the operator keeps, and ends the links of those that are revoked or gone.
    pub fn keep_tokens(&self, kept: Vec<WorkerToken>) {
        self.0.tokens.replace_kept(kept);
        self.0.links.recheck(&self.0.tokens);
    }

    /// Serves links until `shutdown`, then ends them: within [`STOP_TIMEOUT`], whatever their workers do.
    ///
    /// # Errors
    /// Returns an error if the socket fails.
    pub async fn serve(
        &self,
        listener: Listener,
        shutdown: CancellationToken,
    ) -> Result<(), tonic::transport::Error> {
        let service = v1::link_server::LinkServer::new(self.clone())
            .max_decoding_message_size(self.0.limits.message())
            .max_encoding_message_size(self.0.limits.message());
        let router = tonic::transport::Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(2 * WINDOW)
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .max_concurrent_streams(MAX_STREAMS)
            .add_service(service);
        let connections = Connections::default();
        let stopping = self.0.stopping.clone();
        let until = shutdown.clone();
        let stop = async move {
            until.cancelled().await;
            stopping.cancel();
        };
        let incoming = listener.incoming(connections.clone());
        let mut serving = pin!(router.serve_with_incoming_shutdown(incoming, stop));
        let late = async {
            shutdown.cancelled().await;
            tokio::time::sleep(STOP_TIMEOUT).await;
        };
        tokio::select! {
            served = &mut serving => served,
            () = late => {
                tracing::warn!("workers' connections were still open when the link was to stop, and are cut");
                connections.cut();
                serving.await
            }
        }
    }

    /// Frames that were not the worker's to send, and were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

/// Flow control: how much of a stream may be under way. A large payload should not wait for it.
pub(super) const WINDOW: u32 = 4 * 1024 * 1024;
/// A worker has one stream. Guesses at a token can't run beside each other on one connection.
const MAX_STREAMS: u32 = 1;
/// A peer that is silent for so long is asked whether it is there.
pub(super) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

#[tonic::async_trait]
impl v1::link_server::Link for Server {
    type OpenStream = Pin<Box<dyn Stream<Item = Result<v1::Down, Status>> + Send>>;

    async fn open(&self, request: Request<Streaming<v1::Up>>) -> Result<Response<Self::OpenStream>, Status> {
        let admission = request.extensions().get::<Arc<Admission>>().cloned();
        let admission = admission.ok_or_else(|| Status::internal("the connection is not known"))?;
        if admission.is_ending() {
            return Err(Status::unavailable("the connection is about to be closed"));
        }
        let mut frames = request.into_inner();
        let entered = self.0.admit(&mut frames).await.inspect_err(|_| admission.close())?;
        admission.admit();
        let (over, connection) = (entered.ended.clone(), Arc::clone(&admission));
        tokio::spawn(async move {
            over.cancelled().await;
            connection.close();
        });
        let ended = entered.ended.clone();
        let begun = session::begin(Arc::clone(&self.0), entered.worker, frames, entered.ended).await;
        let down = begun.map_err(|_| {
            ended.cancel();
            self.0.links.tidy();
            Status::unavailable("the bus is not there")
        })?;
        Ok(Response::new(down))
    }
}

/// A worker that was let in.
struct Entered {
    worker: Heartbeat,
    ended: CancellationToken,
}

impl Shared {
    /// Reads who comes, and lets the worker in if its token is for its pool.
    async fn admit(&self, frames: &mut Streaming<v1::Up>) -> Result<Entered, Status> {
        let hello = tokio::time::timeout(HELLO_TIMEOUT, hello(frames));
        let (text, worker) =
            hello.await.map_err(|_| Status::deadline_exceeded("the worker did not say who it is"))??;
        let token = self.check(&text, &worker.pool).await.map_err(|reason| {
            tracing::warn!(worker = %worker.worker, pool = %worker.pool, %reason, "a worker was refused");
            Status::unauthenticated(reason.to_string())
        })?;
        let ended = self.stopping.child_token();
        let entered = self.links.enter(&worker.worker, token.clone(), worker.pool.clone(), ended.clone());
        entered.map_err(|crowded| {
            tracing::warn!(worker = %worker.worker, reason = %crowded, "a worker was refused");
            Status::resource_exhausted(crowded.to_string())
        })?;
        // The token may have been revoked since it was checked.
        if let Err(reason) = self.tokens.recheck(&token, &worker.pool) {
            ended.cancel();
            self.links.tidy();
            return Err(Status::unauthenticated(reason.to_string()));
        }
        Ok(Entered { worker, ended })
    }

    /// Checks a token, and once more after the delay that a wrong one costs: it may have been made a moment ago.
    async fn check(&self, text: &str, pool: &Pool) -> Result<TokenId, TokenRefusal> {
        if let Ok(token) = self.tokens.check(text, pool) {
            return Ok(token);
        }
        tokio::time::sleep(REFUSAL_DELAY).await;
        self.tokens.check(text, pool)
    }

    /// Forgets the links that have ended.
    pub(super) fn tidy(&self) {
        self.links.tidy();
    }

    /// Counts a frame that the worker had no right to send.
    pub(super) fn drop_frame(&self, worker: &WorkerId, reason: &dyn std::fmt::Display) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%worker, %reason, "a worker's frame was dropped");
    }
}

async fn hello(frames: &mut Streaming<v1::Up>) -> Result<(String, Heartbeat), Status> {
    let first = frames.message().await?.ok_or_else(|| Status::invalid_argument("there is no hello"))?;
    match Up::try_from(first).map_err(|error| Status::invalid_argument(error.to_string()))? {
        Up::Hello { token, worker } => Ok((token, worker)),
        _ => Err(Status::invalid_argument("the first frame is a hello")),
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}
