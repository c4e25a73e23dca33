//! The origin's end: lets workers in and sees to it that each has one link.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use cortex_domain::ports::{Bus, Payloads};
use cortex_domain::worker::Heartbeat;
use cortex_platform::metrics::Registry;
use cortex_wire::v1;
use futures::Stream;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use tower::util::MapRequestLayer;

use super::admission::Admission;
use super::connections::Connections;
use super::hello::{bounded, hello};
use super::limits::{KEEPALIVE_INTERVAL, Limits, MAX_STREAMS, WINDOW};
use super::listen::Listener;
use super::log_limit::LogLimit;
use super::session;
use super::shared::{Presence, Shared};
use super::tokens::{TokenId, Tokens, WorkerToken};

/// How long a worker whose token lets it in nowhere waits for that answer: it is what a guess costs.
const REFUSAL_DELAY: Duration = Duration::from_secs(1);
/// How long links have to end once the server is to stop. Connections that are open then are cut.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The origin's end of every link. A clone is the same server.
#[derive(Clone)]
pub struct Server(Arc<Shared>);

impl Server {
    /// Workers prove by one of `tokens` that they belong here.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, payloads: Arc<dyn Payloads>, tokens: Tokens, limits: Limits) -> Self {
        Self(Shared::new(bus, payloads, tokens, limits))
    }

    /// Adds the link's metrics to those of the process.
    pub fn register(&self, registry: &Registry) {
        let shared = Arc::downgrade(&self.0);
        let links = move || shared.upgrade().map(|shared| shared.links.open()).unwrap_or_default();
        self.0.metrics.register(registry, links);
    }

    /// Replaces the tokens that the operator keeps, and ends the links of those that are revoked or gone.
    pub fn keep_tokens(&self, kept: Vec<WorkerToken>) {
        self.0.tokens.replace_kept(kept);
        self.0.links.recheck(&self.0.tokens);
    }

    /// Serves links until `shutdown`, then ends them within [`STOP_TIMEOUT`], also those whose workers read nothing.
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
            .layer(MapRequestLayer::new(bounded))
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
            sleep(STOP_TIMEOUT).await;
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
        self.0.dropped()
    }
}

#[tonic::async_trait]
impl v1::link_server::Link for Server {
    type OpenStream = Pin<Box<dyn Stream<Item = Result<v1::Down, Status>> + Send>>;

    async fn open(&self, request: Request<Streaming<v1::Up>>) -> Result<Response<Self::OpenStream>, Status> {
        let admission = request.extensions().get::<Arc<Admission>>().cloned();
        let admission = admission.ok_or_else(|| Status::internal("the connection is not known"))?;
        let closed = || Status::unavailable("the connection is about to be closed");
        if admission.is_ending() {
            return Err(closed());
        }
        let _unproven = Unproven(Arc::clone(&admission));
        let mut frames = request.into_inner();
        let (worker, presence) = admit(&self.0, &mut frames).await?;
        if !admission.admit() {
            return Err(closed());
        }
        let ended = presence.ended().clone();
        tokio::spawn(async move {
            ended.cancelled().await;
            admission.close();
        });
        let begun = session::begin(Arc::clone(&self.0), worker, frames, presence).await;
        begun.map(Response::new).map_err(|_| Status::unavailable("the bus is not there"))
    }
}

/// A worker that has not proved itself. Its connection is closed if it never does, also when it leaves its stream first.
struct Unproven(Arc<Admission>);

impl Drop for Unproven {
    fn drop(&mut self) {
        if !self.0.was_admitted() {
            self.0.close();
        }
    }
}

/// Reads who comes, and lets the worker in if its token is for its pool.
async fn admit(
    shared: &Arc<Shared>,
    frames: &mut Streaming<v1::Up>,
) -> Result<(Heartbeat, Presence), Status> {
    let (text, worker) = hello(frames).await?;
    let token = check(&shared.tokens, &text, &worker).await?;
    let presence = Presence::enter(shared, token.clone(), &worker).map_err(|crowded| {
        tracing::warn!(worker = %worker.worker, reason = %crowded, "a worker was refused");
        Status::resource_exhausted(crowded.to_string())
    })?;
    // The token may have been revoked since it was checked.
    let still = shared.tokens.recheck(&token, &worker.pool);
    still.map_err(|reason| Status::unauthenticated(reason.to_string()))?;
    Ok((worker, presence))
}

/// Checks a token, and once more after the delay that a wrong one costs: it may have been made a moment ago.
async fn check(tokens: &Tokens, text: &str, worker: &Heartbeat) -> Result<TokenId, Status> {
    static GUESSES: LogLimit = LogLimit::new();
    let reason = match tokens.check(text, &worker.pool) {
        Ok(token) => return Ok(token),
        Err(reason) => reason,
    };
    // Before the delay, since a peer that has more guesses does not wait for the answer.
    if let Some(left_out) = GUESSES.pass(Instant::now()) {
        let (worker, pool) = (&worker.worker, &worker.pool);
        tracing::warn!(%worker, %pool, %reason, left_out, "a worker showed a token that does not let it in");
    }
    sleep(REFUSAL_DELAY).await;
    tokens.check(text, &worker.pool).map_err(|reason| Status::unauthenticated(reason.to_string()))
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}
