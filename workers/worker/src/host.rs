//! Serves the model host on loopback, if it is configured.

mod connections;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;

use anyhow::Context as _;
use axum::Router;
use cortex_inference::host::Access;
use cortex_platform::metrics::socket;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Metrics;
use crate::exit::Exit;

/// Opens the model host and serves it until `shutdown`.
///
/// # Errors
/// Returns an error if the port is in use.
pub(crate) async fn open(
    port: NonZeroU16,
    access: Access,
    routes: Router,
    shutdown: CancellationToken,
) -> Result<(), Exit> {
    let listener = bind(port)
        .await
        .with_context(|| {
            format!("the model host can't listen on port {port} (choose another with --host-port)")
        })
        .map_err(Exit::config)?;
    tracing::info!(port, "the model host listens on loopback; it asks no policy");
    tokio::spawn(connections::serve(listener, access.guard(port.get(), routes), shutdown));
    Ok(())
}

/// Serves the metrics until `shutdown`.
///
/// # Errors
/// Returns an error if the port was chosen and is in use.
pub(crate) async fn open_metrics(
    metrics: Metrics,
    read: impl Fn() -> String + Send + Sync + 'static,
    shutdown: CancellationToken,
) -> Result<(), Exit> {
    let (listener, port, access) = match metrics {
        Metrics::Disabled => return Ok(()),
        Metrics::Socket(path) => {
            match socket::bind(&path) {
                Ok(listener) => drop(tokio::spawn(async move {
                    shutdown.run_until_cancelled_owned(socket::serve(listener, read)).await
                })),
                Err(error) => tracing::warn!(%error, path = %path.display(), "no metrics are served"),
            }
            return Ok(());
        }
        Metrics::DefaultPort(port, access) => match bind(port).await {
            Ok(listener) => (listener, port, access),
            Err(error) => {
                tracing::warn!(%error, port, "no metrics are served; choose a port with --metrics-port, or 0 for none");
                return Ok(());
            }
        },
        Metrics::Port(port, access) => {
            let listener = bind(port).await.with_context(|| {
                format!("the metrics can't listen on port {port} (choose another with --metrics-port)")
            });
            (listener.map_err(Exit::config)?, port, access)
        }
    };
    let routes = access.guard(port.get(), cortex_inference::host::metrics(read));
    tokio::spawn(connections::serve(listener, routes, shutdown));
    Ok(())
}

async fn bind(port: NonZeroU16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port.get()))).await
}
