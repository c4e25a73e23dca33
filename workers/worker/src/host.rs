//! The model host's door: loopback only, and off unless it was asked for.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;

use anyhow::Context as _;
use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// Opens the door and serves it until `shutdown`.
///
/// # Errors
/// If the port can't be listened on.
pub(crate) async fn open(port: NonZeroU16, router: Router, shutdown: CancellationToken) -> Result<(), Exit> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.get()));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("the model host can't listen on {address}"))
        .map_err(Exit::config)?;
    tracing::info!(%address, "the model host is open: it is ungoverned, and for this machine alone");
    // A token is sent when it is there, not when the one before it has been acknowledged.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps small pieces back");
        }
    });
    let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the model host has ended");
        }
    });
    Ok(())
}
