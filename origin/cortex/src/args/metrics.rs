//! Where the metrics are served.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

use crate::commands::up::bind;
use crate::config::METRICS_PORT;
use crate::exit::Failure;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MetricsArgs {
    /// The port of the metrics in Prometheus' text format, at /metrics; 0 disables it [default: 9092; 9093 for the safety
    /// kernel alone]
    #[arg(long, env = METRICS_PORT.env, value_name = "PORT")]
    metrics_port: Option<u16>,

    /// The address that the metrics listen on. They have no key, so an address that is not loopback shows them to everyone
    /// who can reach it
    #[arg(long, env = "CORTEX_METRICS_LISTEN", default_value = "127.0.0.1", value_name = "ADDRESS")]
    metrics_listen: IpAddr,
}

impl MetricsArgs {
    /// Binds the port, unless it is 0.
    ///
    /// # Errors
    /// Returns an error if the port is in use.
    pub(crate) async fn bind(&self, default: u16) -> Result<Option<TcpListener>, Failure> {
        match self.metrics_port.unwrap_or(default) {
            0 => Ok(None),
            port => bind(SocketAddr::new(self.metrics_listen, port), METRICS_PORT.flag).await.map(Some),
        }
    }
}
