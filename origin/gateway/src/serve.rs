//! Connections over HTTP/1.1. Their number, the time and size of a head, and the time that a client
//! may leave a response unread are limited.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::{IntoResponse, Response};
use cortex_api::routes::{find_at_origin, shape};
use cortex_api::{Shape, headers};
use cortex_guard::loopback::LoopbackGuard;
use cortex_http1::{Framed, MAX_HEAD};
use cortex_platform::telemetry::{self, SpanKind};
use cortex_platform::write_timeout::WriteTimeout;
use http::{HeaderMap, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::join;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};

use crate::auth;
use crate::connections::{Connection, Connections, RequestIdentity};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::limits::DRAIN_TIMEOUT;
use crate::metrics::{HttpMetrics, OTHER_METHOD, UNMATCHED};
use crate::routes::router;
use crate::unread_bytes::UnreadBytes;

/// How long the head of a request may take to arrive, and how long a connection may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long to wait after a connection could not be accepted, usually because file descriptors ran
/// out.
pub(crate) const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Serves until `stop`, then waits for open requests.
pub async fn serve(gateway: Gateway, listener: TcpListener, stop: CancellationToken) {
    let connections = Connections::new(gateway.server_settings.connections);
    let guard = match listener.local_addr() {
        Ok(address) => auth::loopback_guard(address, gateway.server_settings.allowed_hosts.clone()),
        Err(error) => return tracing::error!(%error, "the address of the HTTP API can't be read"),
    };
    let router = TowerToHyperService::new(router(gateway.clone()));
    let server = HttpServer {
        guard,
        router,
        connections,
        unread: gateway.server_settings.unread.clone(),
        metrics: gateway.http_metrics.clone(),
    };
    let open = server.accept(listener, &stop).await;
    gateway.background.close();
    if tokio::time::timeout(DRAIN_TIMEOUT, open.wait()).await.is_err() {
        tracing::warn!("requests were still open after the shutdown timeout");
    }
}

/// The state that all connections share.
struct HttpServer {
    /// The check for requests without a signature, on loopback only.
    guard: Option<Arc<LoopbackGuard>>,
    router: TowerToHyperService<Router>,
    connections: Connections,
    unread: UnreadBytes,
    metrics: HttpMetrics,
}

impl HttpServer {
    /// Accepts connections until `stop`. Returns the open ones.
    async fn accept(self, listener: TcpListener, stop: &CancellationToken) -> TaskTracker {
        let (server, open) = (Arc::new(self), TaskTracker::new());
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    server.connections.close_unauthenticated();
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    continue;
                }
            };
            match server.connections.open(peer.ip()) {
                Some(place) => drop(open.spawn(server.clone().serve(stream, place, stop.clone()))),
                None => {
                    tracing::warn!(%peer, "a connection was rejected: authenticated callers hold \
                        all of them")
                }
            }
        }
        open.close();
        open
    }

    /// Serves one connection.
    async fn serve(self: Arc<Self>, stream: TcpStream, place: Connection, stop: CancellationToken) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
        let (reader, writer) = stream.into_split();
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            .serve_connection(
                TokioIo::new(join(Framed::new(reader), WriteTimeout::new(writer))),
                service_fn(|request| self.answer(place.new_request(), request)),
            );
        tokio::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = place.closed() => {
                tracing::debug!("an unauthenticated connection was closed: there are too many \
                    connections");
                return;
            }
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection failed");
        }
    }

    /// Serves a request in its own span, and measures it.
    async fn answer(
        &self,
        identity: RequestIdentity,
        request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let (began, open) = (Instant::now(), self.metrics.open());
        let info = find_at_origin(request.method().as_str(), request.uri().path());
        let (method, route) =
            info.map_or((OTHER_METHOD, UNMATCHED), |info| (info.method.as_str(), info.path));
        let span = request_span(method, route, request.headers());
        let shape = info.map_or_else(|| shape(request.uri().path()), |info| info.errors);
        let response = self.respond(identity, request, shape).instrument(span.clone()).await?;
        let status = response.status();
        telemetry::record_integer(&span, telemetry::HTTP_STATUS, status.as_u16());
        if status.is_server_error() {
            telemetry::fail(&span, status.as_u16());
        }
        drop(open);
        let took = began.elapsed();
        tracing::debug!(parent: &span, method, route, status = status.as_u16(), ?took, "responded");
        self.metrics.answered(method, route, status, took);
        Ok(response)
    }

    async fn respond(
        &self,
        identity: RequestIdentity,
        mut request: Request<Incoming>,
        shape: Shape,
    ) -> Result<Response, Infallible> {
        if let Err(problem) = auth::check_request(self.guard.as_deref(), &request) {
            return Ok(ApiError { problem, shape }.into_response());
        }
        request.extensions_mut().insert(identity.clone());
        let answer = self.router.call(request).await?;
        Ok(match identity.tenant() {
            Some(tenant) => self
                .unread
                .count(tenant, answer)
                .unwrap_or_else(|problem| ApiError { problem, shape }.into_response()),
            None => answer,
        })
    }
}

fn request_span(method: &'static str, route: &'static str, headers: &HeaderMap) -> Span {
    let traceparent = headers.get(headers::TRACEPARENT).and_then(|text| text.to_str().ok());
    let span = telemetry::span(format_args!("{method} {route}"), SpanKind::Server, traceparent);
    telemetry::record(&span, telemetry::HTTP_METHOD, method);
    telemetry::record(&span, telemetry::HTTP_ROUTE, route);
    span
}

#[cfg(test)]
mod tests;
