//! Serves the model host on loopback, if it is configured.

mod connections;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;

use anyhow::Context as _;
use axum::Router;
use cortex_inference::host::Access;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// Opens the port and serves it until `shutdown`.
///
/// # Errors
///
/// Returns an error if the port can't be opened.
pub(crate) async fn open(
    port: NonZeroU16,
    access: Access,
    routes: Router,
    shutdown: CancellationToken,
) -> Result<(), Exit> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.get()));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("the model host can't listen on {address} (choose another port)"))
        .map_err(Exit::config)?;
    tracing::info!(%address, "the model host is listening on loopback without policies");
    tokio::spawn(connections::serve(listener, access.guard(port.get(), routes), shutdown));
    Ok(())
}
