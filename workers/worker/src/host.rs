//! The model host's door: loopback only, and off unless it was asked for.

mod connections;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;

use anyhow::Context as _;
use axum::Router;
use cortex_inference::host::Access;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// Opens the door and serves it until `shutdown`.
///
/// # Errors
/// If the port can't be listened on.
pub(crate) async fn open(
    port: NonZeroU16,
    access: Access,
    routes: Router,
    shutdown: CancellationToken,
) -> Result<(), Exit> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.get()));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("the model host can't listen on {address}"))
        .map_err(Exit::config)?;
    tracing::info!(%address, "the model host is open: it is ungoverned, and for this machine alone");
    tokio::spawn(connections::serve(listener, access.guard(port.get(), routes), shutdown));
    Ok(())
}
