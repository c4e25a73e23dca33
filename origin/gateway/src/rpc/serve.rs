//! Connections: HTTP/2 with limits on sizes, streams and times.

use std::time::Duration;

use cortex_guard::headers;
use cortex_guard::precheck::MAX_BODY;
use cortex_wire::v1::jobs_server::JobsServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::gateway::Gateway;
use crate::serve::GRACE;

/// The largest message: what goes around an input is small, so that one a little too large is refused by name.
const MESSAGE: usize = MAX_BODY + 64 * 1024;
/// The largest metadata: a little more than is taken, likewise.
const METADATA: u32 = 2 * headers::MAX_BYTES as u32;
/// Calls of one connection that are open, watches counted in, and that are worked on.
const OPEN: u32 = 256;
const AT_WORK: usize = 64;
/// How long a call may take to arrive and be answered; a watch, until it begins.
const PATIENCE: Duration = Duration::from_secs(30);
/// A peer that is silent for so long is asked whether it is there, and has so long to say so.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Serves until `stop`, then lets open calls end.
///
/// # Errors
/// If the connections can't be served.
pub async fn serve(
    gateway: Gateway,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let inner = gateway.inner.clone();
    let service = JobsServer::new(gateway).max_decoding_message_size(MESSAGE);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let stopped = stop.clone();
    let serving = Server::builder()
        .max_concurrent_streams(OPEN)
        .concurrency_limit_per_connection(AT_WORK)
        .http2_max_header_list_size(METADATA)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .timeout(PATIENCE)
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, async move {
            stop.cancelled().await;
            // Watches end with it.
            inner.stop.cancel();
        });
    tokio::select! {
        served = serving => served,
        () = async { stopped.cancelled().await; tokio::time::sleep(GRACE).await } => {
            tracing::warn!("gRPC calls were still open when the grace period ended");
            Ok(())
        }
    }
}
