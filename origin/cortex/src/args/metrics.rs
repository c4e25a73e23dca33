//! Where the metrics are served.

use std::net::{IpAddr, SocketAddr};

use crate::config::METRICS_PORT;

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
    /// Returns the address to listen on, unless the port is 0.
    #[must_use]
    pub(crate) fn address(&self, default_port: u16) -> Option<SocketAddr> {
        match self.metrics_port.unwrap_or(default_port) {
            0 => None,
            port => Some(SocketAddr::new(self.metrics_listen, port)),
        }
    }
}
