//! Ports: bound before anything starts, and named with their holder when they are taken.

use std::io;
use std::net::{IpAddr, SocketAddr};

use cortex_node::Sockets;
use tokio::net::TcpListener;

use crate::config::{API_PORT, GRPC_PORT};
use crate::exit::{Exit, Failure};
use crate::ports;

/// Binds the doors of a node. The gRPC door opens to local callers alone, so it is left out where the API is not on
/// loopback.
///
/// # Errors
/// Returns an error if a port is taken.
pub(crate) async fn bind_node(listen: IpAddr, api: u16, grpc: u16) -> Result<Sockets, Failure> {
    let api = bind(SocketAddr::new(listen, api), API_PORT.flag).await?;
    let grpc = match has_grpc(listen, grpc) {
        true => Some(bind(SocketAddr::new(listen, grpc), GRPC_PORT.flag).await?),
        false => None,
    };
    Ok(Sockets { api, grpc })
}

fn has_grpc(listen: IpAddr, port: u16) -> bool {
    port != 0 && listen.is_loopback()
}

/// Binds a port.
///
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
    let holder = match ports::find_owner(port) {
        Some(owner) => format!("{} (process {})", owner.name, owner.pid),
        None => "another process".to_owned(),
    };
    Failure::message(
        Exit::Config,
        format!("port {port} is in use by {holder}: stop it, or choose another with {flag}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grpc_door_opens_on_loopback_alone() {
        let [loopback, everywhere] = ["127.0.0.1", "0.0.0.0"].map(|address| address.parse().unwrap());
        assert!(has_grpc(loopback, 50052));
        assert!(!has_grpc(everywhere, 50052));
        assert!(!has_grpc(loopback, 0));
    }
}
