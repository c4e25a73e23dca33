//! The origin's end, which admits workers and ensures that each has one link.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use cortex_domain::ports::{Bus, Payloads};
use cortex_domain::worker::Heartbeat;
use cortex_platform::log_limit::LogLimit;
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
use super::limits::{KEEPALIVE_INTERVAL, Limits, MAX_STREAMS, STREAM_WINDOW};
use super::listen::Listener;
use super::session;
use super::shared::{Presence, Shared};
use super::tokens::{TokenId, Tokens, WorkerToken};

/// How long a worker with an invalid token waits for the response. This is the cost of a guess.
const REFUSAL_DELAY: Duration = Duration::from_secs(1);
/// How long further refusals are not logged after one.
const LOG_INTERVAL: Duration = Duration::from_secs(1);
/// How long links have to end when the server stops. Connections that are still open are then cut.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The origin's end of all links. Clones share the same server.
#[derive(Clone)]
pub struct Server(Arc<Shared>);

impl Server {
    /// Creates a server. Workers authenticate with one of `tokens`.
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

    /// Replaces the operator's tokens, and ends the links of revoked or removed ones.
    pub fn keep_tokens(&self, kept: Vec<WorkerToken>) {
        self.0.tokens.replace_kept(kept);
        self.0.links.recheck(&self.0.tokens);
    }

    /// Serves links until `shutdown`, then ends them within [`STOP_TIMEOUT`], including those with
    /// workers that read nothing.
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
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(2 * STREAM_WINDOW)
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
                tracing::warn!("the link stopped before all workers had left; their connections are \
                    closed");
                connections.cut();
                serving.await
            }
        }
    }

    /// Returns the number of dropped frames that workers were not allowed to send.
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
        let admission = admission.ok_or_else(|| Status::internal("unknown connection"))?;
        let closed = || Status::unavailable("the connection is closing");
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
        begun.map(Response::new).map_err(|_| Status::unavailable("the bus is unavailable"))
    }
}

/// A worker that is not admitted. Its connection is closed if it never is, even if it closes its
/// stream first.
struct Unproven(Arc<Admission>);

impl Drop for Unproven {
    fn drop(&mut self) {
        if !self.0.was_admitted() {
            self.0.close();
        }
    }
}

/// Reads the hello, and admits the worker if its token allows its pool.
async fn admit(
    shared: &Arc<Shared>,
    frames: &mut Streaming<v1::Up>,
) -> Result<(Heartbeat, Presence), Status> {
    let (text, worker) = hello(frames).await?;
    let token = check(&shared.tokens, &text, &worker).await?;
    let presence = Presence::enter(shared, token.clone(), &worker).map_err(|crowded| {
        tracing::warn!(worker = %worker.worker, reason = %crowded, "a worker was rejected");
        Status::resource_exhausted(crowded.to_string())
    })?;
    // The token may have been revoked since it was checked.
    let still = shared.tokens.recheck(&token, &worker.pool);
    still.map_err(|reason| Status::unauthenticated(reason.to_string()))?;
    Ok((worker, presence))
}

/// Checks a token, and once more after the delay that an invalid one costs, because it may have
/// been created a moment ago.
async fn check(tokens: &Tokens, text: &str, worker: &Heartbeat) -> Result<TokenId, Status> {
    static GUESSES: LogLimit = LogLimit::new(LOG_INTERVAL);
    let reason = match tokens.check(text, &worker.pool) {
        Ok(token) => return Ok(token),
        Err(reason) => reason,
    };
    // This comes before the delay, because a peer with more guesses does not wait for the response.
    if let Some(left_out) = GUESSES.pass(Instant::now()) {
        let (worker, pool) = (&worker.worker, &worker.pool);
        tracing::warn!(%worker, %pool, %reason, left_out, "a worker was rejected because of its token");
    }
    sleep(REFUSAL_DELAY).await;
    tokens.check(text, &worker.pool).map_err(|reason| Status::unauthenticated(reason.to_string()))
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}
