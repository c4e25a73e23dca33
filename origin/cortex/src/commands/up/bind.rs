//! Binds the ports before anything starts. The error for a port in use names the process that has
//! it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use cortex_node::ApiSockets;
use tokio::net::TcpListener;

use crate::args::MetricsArgs;
use crate::config::{API_PORT, GRPC_PORT, METRICS_PORT};
use crate::exit::{Exit, Failure};
use crate::ports;

/// Binds the ports of the APIs. gRPC serves only local callers, so it is disabled if the API is not
/// on loopback.
///
/// # Errors
/// Returns an error if a port is in use.
pub(crate) async fn bind_apis(listen: IpAddr, api: u16, grpc: u16) -> Result<ApiSockets, Failure> {
    let http = bind(SocketAddr::new(listen, api), API_PORT.flag).await?;
    let grpc = match has_grpc(listen, grpc) {
        true => Some(bind(SocketAddr::new(listen, grpc), GRPC_PORT.flag).await?),
        false => None,
    };
    Ok(ApiSockets { http, grpc })
}

/// Binds the port of the metrics, unless it is 0.
///
/// # Errors
/// Returns an error if the port is in use.
pub(crate) async fn bind_metrics(
    metrics: &MetricsArgs,
    default_port: u16,
) -> Result<Option<TcpListener>, Failure> {
    match metrics.address(default_port) {
        Some(address) => bind(address, METRICS_PORT.flag).await.map(Some),
        None => Ok(None),
    }
}

fn has_grpc(listen: IpAddr, port: u16) -> bool {
    port != 0 && listen.is_loopback()
}

/// Binds a port.
///
/// # Errors
/// Returns an error if the port is in use, with the process that has it.
pub(crate) async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => port_in_use(address.port(), flag),
        _ => {
            let help = format!("choose another address with --listen, or another port with {flag}");
            Failure::message(Exit::Config, format!("can't listen on {address}: {error}"), help)
        }
    })
}

/// Checks that a port is free for a process that binds it later.
///
/// # Errors
/// Returns an error if the port is in use.
pub(crate) async fn check_free(address: SocketAddr, flag: &str) -> Result<(), Failure> {
    bind(address, flag).await.map(drop)
}

fn port_in_use(port: u16, flag: &str) -> Failure {
    let owner = match ports::find_owner(port) {
        Some(owner) => format!("{} (process {})", owner.name, owner.pid),
        None => "another process".to_owned(),
    };
    let help = format!("stop that process, or choose another port with {flag}");
    Failure::message(Exit::Config, format!("port {port} is in use by {owner}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_enabled_only_on_loopback() {
        let [loopback, everywhere] = ["127.0.0.1", "0.0.0.0"].map(|address| address.parse().unwrap());
        assert!(has_grpc(loopback, 50052));
        assert!(!has_grpc(everywhere, 50052));
        assert!(!has_grpc(loopback, 0));
    }
}
