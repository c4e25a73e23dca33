//! The origin's end: lets workers in and sees to it that each has one link.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cortex_domain::id::WorkerId;
use cortex_domain::ports::{Bus, Payloads};
use cortex_domain::worker::Heartbeat;
use cortex_wire::link::Up;
use cortex_wire::{MAX_PACKET, v1};
use futures::Stream;
use subtle::ConstantTimeEq;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use super::assigned::Assigned;
use super::listen::{Listener, Socket};
use super::session;

/// How long a worker may take to say who it is.
const GREETING: Duration = Duration::from_secs(5);

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
    token: String,
    links: Mutex<HashMap<WorkerId, CancellationToken>>,
    dropped: AtomicU64,
    stopping: CancellationToken,
}

impl Server {
    /// Workers prove by `token` that they belong here.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, payloads: Arc<dyn Payloads>, token: String, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            bus,
            payloads,
            limits,
            assigned: Assigned::default(),
            token,
            links: Mutex::default(),
            dropped: AtomicU64::new(0),
            stopping: CancellationToken::new(),
        }))
    }

    /// Serves links until `shutdown`, then ends them.
    ///
    /// # Errors
    /// If the socket fails.
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
            .http2_keepalive_interval(Some(KEEPALIVE))
            .add_service(service);
        let stopping = self.0.stopping.clone();
        let stop = async move {
            shutdown.cancelled().await;
            stopping.cancel();
        };
        match listener.socket {
            Socket::Unix(socket, _file) => {
                router.serve_with_incoming_shutdown(UnixListenerStream::new(socket), stop).await
            }
            Socket::Tcp(socket) => {
                let incoming = TcpIncoming::from(socket).with_nodelay(Some(true));
                router.serve_with_incoming_shutdown(incoming, stop).await
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
/// A peer that is silent for so long is asked whether it is there.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(10);

#[tonic::async_trait]
impl v1::link_server::Link for Server {
    type OpenStream = Pin<Box<dyn Stream<Item = Result<v1::Down, Status>> + Send>>;

    async fn open(&self, request: Request<Streaming<v1::Up>>) -> Result<Response<Self::OpenStream>, Status> {
        let mut frames = request.into_inner();
        let worker = tokio::time::timeout(GREETING, self.0.greet(&mut frames))
            .await
            .map_err(|_| Status::deadline_exceeded("the worker did not say who it is"))??;
        let ended = self.0.enter(&worker.worker);
        let down = session::begin(Arc::clone(&self.0), worker, frames, ended)
            .await
            .map_err(|_| Status::unavailable("the bus is not there"))?;
        Ok(Response::new(down))
    }
}

impl Shared {
    async fn greet(&self, frames: &mut Streaming<v1::Up>) -> Result<Heartbeat, Status> {
        let first = frames.message().await?.ok_or_else(|| Status::invalid_argument("there is no hello"))?;
        let hello = Up::try_from(first).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let Up::Hello { token, worker } = hello else {
            return Err(Status::invalid_argument("the first frame is a hello"));
        };
        if bool::from(token.as_bytes().ct_eq(self.token.as_bytes())) {
            Ok(worker)
        } else {
            tracing::warn!(worker = %worker.worker, "a worker came with a wrong token");
            Err(Status::unauthenticated("the token is wrong"))
        }
    }

    /// Ends the link that the worker had: it has come back before that was seen to be gone.
    fn enter(&self, worker: &WorkerId) -> CancellationToken {
        let ended = self.stopping.child_token();
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = links.insert(worker.clone(), ended.clone()) {
            before.cancel();
        }
        ended
    }

    /// Forgets the links that have ended.
    pub(super) fn tidy(&self) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, ended| !ended.is_cancelled());
    }

    /// Counts a frame that the worker had no right to send.
    pub(super) fn drop_frame(&self, worker: &WorkerId, reason: &dyn std::fmt::Display) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%worker, %reason, "a worker's frame was dropped");
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}
