//! The metrics endpoint: `GET /metrics` on a port of its own, in Prometheus' text format.
//!
//! It listens on loopback by default, and rejects web pages there. A scraper that does not read is
//! disconnected after a while, and earlier if its connection is the oldest and others need it.

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
use http::{Method, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::join;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth;
use crate::connections::Connections;
use crate::error::ApiError;
use crate::serve::ACCEPT_RETRY_DELAY;

/// Maximum number of connections. A further one replaces the oldest.
const MAX_CONNECTIONS: usize = 32;
/// How long a scrape may take, from the connection to the last byte.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(5);
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
    let (connections, open) = (Connections::new(MAX_CONNECTIONS), TaskTracker::new());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(place) = connections.open(peer.ip()) else { continue };
                let (metrics_endpoint, stop) = (metrics_endpoint.clone(), stop.clone());
                open.spawn(async move {
                    tokio::select! {
                        served = timeout(SCRAPE_TIMEOUT, metrics_endpoint.serve(stream)) => {
                            if served.is_err() {
                                tracing::debug!("a scraper took too long and was disconnected");
                            }
                        }
                        () = place.closed() => {
                            tracing::debug!("a scraper was disconnected in favour of another");
                        }
                        () = stop.cancelled() => {}
                    }
                });
            }
            Err(error) => {
                connections.close_unauthenticated();
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
            .keep_alive(false)
            .max_buf_size(MAX_HEAD)
            .serve_connection(
                TokioIo::new(join(Framed::new(reader), writer)),
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn scrape(address: std::net::SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    #[tokio::test]
    async fn scrapers_that_never_send_or_never_read_hold_up_no_other_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        // More than the buffers of a connection hold.
        let text = "x".repeat(16 << 20);
        let served = tokio::spawn(serve(listener, move || std::future::ready(text.clone()), stop.clone()));
        let mut stuck = Vec::new();
        for n in 0..4 * MAX_CONNECTIONS {
            let mut stream = TcpStream::connect(address).await.unwrap();
            if n % 2 == 0 {
                let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
            } else {
                stream.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
            }
            stuck.push(stream);
        }
        let began = Instant::now();
        let response = scrape(address).await;
        assert!(response.starts_with("HTTP/1.1 200"), "{}", &response[..200.min(response.len())]);
        assert!(began.elapsed() < SCRAPE_TIMEOUT / 2, "{:?}", began.elapsed());
        stop.cancel();
        served.await.unwrap();
    }
}
