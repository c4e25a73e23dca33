//! Connections over HTTP/2, with limits on sizes, streams and times.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use cortex_api::routes::BodyLimit;
use cortex_api::{Problem, headers};
use cortex_domain::ErrorCode;
use cortex_guard::loopback::LoopbackGuard;
use cortex_platform::incoming::incoming;
use cortex_wire::v1::jobs_server::JobsServer;
use http::header;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;

use super::observe::observe;
use super::stall_timeout;
use super::status::status;
use crate::auth;
use crate::gateway::Gateway;
use crate::limits::DRAIN_TIMEOUT;

/// Maximum size of a message. It leaves some room around an input, so that an input that is
/// slightly too large gets an error that says so.
const MAX_MESSAGE_BYTES: usize = BodyLimit::Job.bytes() + 64 * 1024;
/// Maximum size of the metadata as HTTP/2 counts it, with 32 bytes more for each header. It is a
/// little above the limit for headers, for the same reason.
const MAX_METADATA_BYTES: u32 = headers::MAX_BYTES as u32 + 8 * 1024;
/// Maximum number of connections.
const MAX_CONNECTIONS: usize = 256;
/// Maximum number of open calls of one connection, including watches, and of those that are
/// processed at the same time.
const MAX_OPEN_CALLS: u32 = 256;
const MAX_ACTIVE_CALLS: usize = 64;
/// How long a call may take to arrive and get a response. For a watch, it is the time until the
/// first event.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a silent peer waits for a ping, and then has to respond to it.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long a connection accepts new calls. Open calls continue.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(60 * 60);

/// Serves until `stop`, then waits for open calls.
///
/// # Errors
/// Returns an error if the connections can't be served.
pub async fn serve(
    gateway: Gateway,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let background = gateway.background.clone();
    let guard = match listener.local_addr() {
        Ok(address) => auth::loopback_guard(address, gateway.server_settings.allowed_hosts.clone()),
        Err(error) => {
            tracing::error!(%error, "the address of the gRPC API can't be read");
            return Ok(());
        }
    };
    let metrics = gateway.grpc_metrics.clone();
    let service = JobsServer::new(gateway).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let routes = Routes::new(service)
        .into_axum_router()
        .layer(map_response(stall_timeout::apply))
        .layer(from_fn_with_state(guard, check_call))
        .layer(from_fn_with_state(metrics, observe));
    let stopped = stop.clone();
    let serving = Server::builder()
        .max_concurrent_streams(MAX_OPEN_CALLS)
        .concurrency_limit_per_connection(MAX_ACTIVE_CALLS)
        .http2_max_header_list_size(MAX_METADATA_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_INTERVAL))
        .max_connection_age(MAX_CONNECTION_AGE)
        .timeout(CALL_TIMEOUT)
        .add_routes(Routes::from(routes))
        .serve_with_incoming_shutdown(incoming(listener, MAX_CONNECTIONS), async move {
            stop.cancelled().await;
            // This ends the watches.
            background.close();
        });
    tokio::select! {
        served = serving => served,
        () = async { stopped.cancelled().await; tokio::time::sleep(DRAIN_TIMEOUT).await } => {
            tracing::warn!("gRPC calls were still open after the shutdown timeout");
            Ok(())
        }
    }
}

/// Rejects calls that no method may see.
async fn check_call(
    State(guard): State<Option<Arc<LoopbackGuard>>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let refused = if parts.headers.get_all(header::CONTENT_LENGTH).iter().nth(1).is_some() {
        Err(Problem::new(
            ErrorCode::InvalidRequest,
            "duplicate header `Content-Length` (expected at most one)",
        ))
    } else {
        guard.map_or(Ok(()), |guard| {
            guard.check(&auth::sent(&parts.uri, &parts.headers)).map_err(Problem::from)
        })
    };
    match refused {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => status(&problem).into_http(),
    }
}
