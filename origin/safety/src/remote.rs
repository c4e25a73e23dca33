//! The kernel in another process, over gRPC.

use std::net::{IpAddr, SocketAddr};

use cortex_api::timeouts::DECISION_TIMEOUT;
use cortex_domain::policy::{Decision, PolicyRequest};
use cortex_domain::ports::{Answer, SafetyError, SafetyGate};
use cortex_domain::time::Timestamp;
use cortex_wire::v1;
use cortex_wire::v1::safety_client::SafetyClient;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

use crate::token::Token;

/// Asks the kernel at `SAFETY_KERNEL_ADDR`.
#[derive(Clone, Debug)]
pub struct Remote {
    client: SafetyClient<InterceptedService<Channel, Token>>,
}

/// Why an address of a kernel can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error(
        "invalid address `{0}` of the safety kernel: must be on loopback, because the token and the decisions are not \
         encrypted (expected localhost:PORT, 127.0.0.1:PORT or [::1]:PORT)"
    )]
    NotLoopback(String),
    #[error(
        "invalid address `{0}` of the safety kernel (expected localhost:PORT, 127.0.0.1:PORT or [::1]:PORT)"
    )]
    Address(String),
    #[error(transparent)]
    Transport(#[from] tonic::transport::Error),
}

impl Remote {
    /// Returns a client that connects on its first request, and reconnects when the connection is
    /// lost. Each request carries `token`.
    ///
    /// # Errors
    /// Returns an error if the address is invalid or not on loopback.
    pub fn new(address: &str, token: Token) -> Result<Self, RemoteError> {
        let endpoint = Endpoint::from_shared(format!("http://{}", on_loopback(address)?))?
            .connect_timeout(DECISION_TIMEOUT)
            .timeout(DECISION_TIMEOUT)
            .tcp_nodelay(true);
        Ok(Self { client: SafetyClient::with_interceptor(endpoint.connect_lazy(), token) })
    }
}

/// Parses an address on this machine. Parsing is strict, so that the address can't hide another
/// host.
fn on_loopback(address: &str) -> Result<String, RemoteError> {
    let socket = match address.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}").parse().map(|_: SocketAddr| format!("localhost:{port}")),
        None => match address.parse::<SocketAddr>() {
            Ok(socket) if is_loopback(socket.ip()) => Ok(socket.to_string()),
            Ok(_) => return Err(RemoteError::NotLoopback(address.to_owned())),
            Err(error) => Err(error),
        },
    };
    socket.map_err(|_| {
        // This is probably the name of another machine.
        let names_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let refused = if names_port { RemoteError::NotLoopback } else { RemoteError::Address };
        refused(address.to_owned())
    })
}

pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

impl SafetyGate for Remote {
    fn check(&self, request: PolicyRequest, now: Timestamp) -> Answer<'_, Result<Decision, SafetyError>> {
        let mut client = self.client.clone();
        Box::pin(async move {
            let request = v1::CheckRequest::from((&request, now));
            let response = client.check(request).await.map_err(|status| SafetyError(status.to_string()))?;
            response
                .into_inner()
                .try_into()
                .map_err(|error: cortex_wire::DecodeError| SafetyError(error.to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_kernel_on_this_machine_is_asked() {
        for good in
            ["127.0.0.1:50051", "localhost:50051", "[::1]:50051", "127.9.9.9:1", "[::ffff:127.0.0.1]:1"]
        {
            assert!(on_loopback(good).is_ok(), "{good}");
        }
        for bad in [
            "10.0.0.1:50051",
            "kernel.example:50051",
            "0.0.0.0:1",
            "127.0.0.1:1@evil.example:80",
            "[::]:1",
            "localhost.evil:1",
        ] {
            assert!(matches!(on_loopback(bad), Err(RemoteError::NotLoopback(_))), "{bad}");
        }
        for bad in ["", "127.0.0.1", "localhost:", "localhost:99999", "localhost:1/x", "http://127.0.0.1"] {
            assert!(matches!(on_loopback(bad), Err(RemoteError::Address(_))), "{bad}");
        }
    }
}
