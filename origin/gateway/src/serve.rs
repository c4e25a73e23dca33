//! Connections: HTTP/1.1 with limits on the time and size of a head, so that slow clients are cut.

use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gateway::Gateway;
use crate::routes::router;

/// How long a request's head may take to arrive, and an idle connection may stay.
const HEAD: Duration = Duration::from_secs(15);
/// A head has at most 16 KiB, and the buffer holds a little more than the head.
const BUFFER: usize = 32 * 1024;
/// How long open requests have to end once the door is closed.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Serves until `stop`, then lets open requests end.
pub async fn serve(gateway: Gateway, listener: TcpListener, stop: CancellationToken) {
    let service = TowerToHyperService::new(router(gateway.clone()));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, mostly: let some connections end first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
        let (service, stop) = (service.clone(), stop.clone());
        connections.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(BUFFER)
                .serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            let served = tokio::select! {
                served = connection.as_mut() => served,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection ended badly");
            }
        });
    }
    drop(listener);
    connections.close();
    gateway.inner.stop.cancel();
    if tokio::time::timeout(GRACE, connections.wait()).await.is_err() {
        tracing::warn!("requests were still open when the grace period ended");
    }
}
