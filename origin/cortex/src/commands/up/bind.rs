//! Ports: bound before anything starts, and named with their holder when they are taken.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::exit::{Exit, Failure};
use crate::ports;

/// # Errors
/// If the port is taken: names it and the process that holds it.
pub(crate) async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => taken(address.port(), flag),
        _ => Failure::message(Exit::Config, format!("can't listen on {address}: {error}")),
    })
}

/// Checks that a port is free for a process that will bind it itself.
///
/// # Errors
/// If it is taken.
pub(crate) async fn free(address: SocketAddr, flag: &str) -> Result<(), Failure> {
    bind(address, flag).await.map(drop)
}

fn taken(port: u16, flag: &str) -> Failure {
    let holder = match ports::owner(port) {
        Some(owner) => format!("{} (process {})", owner.name, owner.pid),
        None => "another process".to_owned(),
    };
    Failure::message(
        Exit::Config,
        format!("port {port} is in use by {holder}: stop it, or choose another with {flag}"),
    )
}
