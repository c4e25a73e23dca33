//! Where the metrics are served.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::config::METRICS_PORT;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MetricsArgs {
    /// The port of the metrics in Prometheus' text format, at /metrics; 0 disables it [default:
    /// 9092, 9090 for `cortex serve scheduler`, or 9093 for `cortex safety`]
    #[arg(long, env = METRICS_PORT.env, value_name = "PORT")]
    metrics_port: Option<u16>,

    /// The address to serve the metrics on. They need no key, so an address that is not loopback
    /// shows them to everyone who can reach it
    #[arg(long, env = "CORTEX_METRICS_LISTEN", default_value = "127.0.0.1", value_name = "ADDRESS")]
    metrics_listen: IpAddr,
}

impl MetricsArgs {
    /// Returns the arguments for a process without metrics.
    #[must_use]
    pub(crate) fn disabled() -> Self {
        Self { metrics_port: Some(0), metrics_listen: Ipv4Addr::LOCALHOST.into() }
    }

    /// Returns the address to listen on, unless the port is 0.
    #[must_use]
    pub(crate) fn address(&self, default_port: u16) -> Option<SocketAddr> {
        match self.metrics_port.unwrap_or(default_port) {
            0 => None,
            port => Some(SocketAddr::new(self.metrics_listen, port)),
        }
    }
}
