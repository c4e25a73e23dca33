//! The model host's connections, with limits on their number, on the time and size of a request's
//! head, and on unread answers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use cortex_http1::{Framed, MAX_HEAD};
use cortex_platform::write_timeout::WriteTimeout;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, join};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Connections at a time. Further ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 128;
/// How long a request's head may take to arrive, and how long an idle connection may stay open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be accepted, usually for lack of file descriptors.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(50);
/// How long open requests may continue after the listener has closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until `shutdown`, then lets open requests end.
pub(super) async fn serve(listener: TcpListener, routes: Router, shutdown: CancellationToken) {
    serve_at_most(MAX_CONNECTIONS, listener, routes, shutdown).await;
}

async fn serve_at_most(max: usize, listener: TcpListener, routes: Router, shutdown: CancellationToken) {
    let permits = Arc::new(Semaphore::new(max));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                let (reader, writer) = stream.into_split();
                let serving = serve_one(reader, writer, routes.clone(), shutdown.clone());
                tokio::spawn(async move {
                    serving.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Each token is sent as soon as it is written, without waiting for the previous packet's
    // acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection delays small packets");
    }
    Ok((stream, permit))
}

/// Serves one connection until it ends, fails or exceeds a limit.
async fn serve_one(
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin,
    routes: Router,
    shutdown: CancellationToken,
) {
    let stream = join(Framed::new(reader), WriteTimeout::new(writer));
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
    );
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(DRAIN_TIMEOUT, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "the connection failed");
    }
}

#[cfg(test)]
mod tests;
