//! The metrics endpoint: `GET /metrics` on a port of its own, in Prometheus' text format.
//!
//! It listens on loopback by default, and rejects web pages there. A scraper that does not read is
//! disconnected, and until then holds one of a few connections.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::{IntoResponse, Response};
use cortex_api::{Problem, Shape};
use cortex_domain::ErrorCode;
use cortex_guard::loopback::LoopbackGuard;
use cortex_http1::{Framed, MAX_HEAD};
use cortex_platform::metrics::CONTENT_TYPE;
use cortex_platform::write_timeout::WriteTimeout;
use http::{Method, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::join;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth;
use crate::error::ApiError;
use crate::serve::{ACCEPT_RETRY_DELAY, HEAD_TIMEOUT};

/// Maximum number of connections. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 8;
/// How long a text is reused, because reading the metrics counts the jobs in the store.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Serves the result of `read` until `stop`.
pub async fn serve<F: Future<Output = String> + Send>(
    listener: TcpListener,
    read: impl Fn() -> F + Send + Sync + 'static,
    stop: CancellationToken,
) {
    let guard = match listener.local_addr() {
        Ok(address) => auth::loopback_guard(address, Vec::new()),
        Err(error) => {
            return tracing::error!(%error, "the address of the metrics endpoint can't be read");
        }
    };
    let metrics_endpoint = Arc::new(MetricsEndpoint { guard, read, latest: Mutex::new(None) });
    let (places, open) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), TaskTracker::new());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = async {
                let place = places.clone().acquire_owned().await;
                (listener.accept().await, place)
            } => accepted,
        };
        match accepted {
            (Ok((stream, _)), place) => {
                let (metrics_endpoint, stop) = (metrics_endpoint.clone(), stop.clone());
                open.spawn(async move {
                    let _place = place;
                    tokio::select! {
                        () = metrics_endpoint.serve(stream) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
            (Err(error), _) => {
                tracing::warn!(%error, "a connection to the metrics endpoint could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
    open.close();
    open.wait().await;
}

struct MetricsEndpoint<R> {
    guard: Option<Arc<LoopbackGuard>>,
    read: R,
    /// When the metrics were read last, and the result.
    latest: Mutex<Option<(Instant, Arc<str>)>>,
}

impl<R, F> MetricsEndpoint<R>
where
    R: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = String> + Send,
{
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let (reader, writer) = stream.into_split();
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            .serve_connection(
                TokioIo::new(join(Framed::new(reader), WriteTimeout::new(writer))),
                service_fn(async |request| Ok::<_, Infallible>(self.answer(&request).await)),
            )
            .await;
        if let Err(error) = served {
            tracing::debug!(%error, "a connection to the metrics endpoint failed");
        }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response {
        let refused = |problem| ApiError { problem, shape: Shape::Problem }.into_response();
        if let Err(problem) = auth::check_request(self.guard.as_deref(), request) {
            return refused(problem);
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/metrics") => {
                let text = self.text().await;
                ([(header::CONTENT_TYPE, CONTENT_TYPE)], text.to_string()).into_response()
            }
            (_, "/metrics") => refused(Problem::new(
                ErrorCode::MethodNotAllowed,
                "method not allowed (expected GET and HEAD)",
            )),
            _ => refused(Problem::new(ErrorCode::NotFound, "no resource at this path (expected /metrics)")),
        }
    }

    /// Returns the metrics. Concurrent requests share one read.
    async fn text(&self) -> Arc<str> {
        let mut latest = self.latest.lock().await;
        match &*latest {
            Some((at, text)) if at.elapsed() < MAX_AGE => text.clone(),
            _ => {
                let text: Arc<str> = (self.read)().await.into();
                *latest = Some((Instant::now(), text.clone()));
                text
            }
        }
    }
}
