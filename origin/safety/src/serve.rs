//! The kernel's gRPC server.

use std::time::Duration;

use cortex_api::timeouts::KERNEL_REQUEST_TIMEOUT;
use cortex_domain::policy::PolicyRequest;
use cortex_domain::time::Timestamp;
use cortex_platform::incoming::incoming;
use cortex_platform::telemetry::{self, SpanKind};
use cortex_wire::v1::safety_server::{Safety, SafetyServer};
use cortex_wire::{DecodeError, v1};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::kernel::Kernel;
use crate::remote::is_loopback;
use crate::token::Token;

/// Maximum size of a request. It carries pointers and labels, but no input.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Maximum size of the metadata, as HTTP/2 counts it.
const MAX_METADATA_BYTES: u32 = 8 * 1024;
/// Maximum number of connections. An origin needs one.
const MAX_CONNECTIONS: usize = 64;
/// Maximum number of open requests of one connection.
const MAX_OPEN_REQUESTS: u32 = 1024;
/// How long a peer may be silent before it is pinged, and how long it may take to answer the ping.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// Why a kernel can't be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("invalid listen address {0} of the safety kernel: must be on loopback")]
    NotLoopback(std::net::SocketAddr),
    #[error(transparent)]
    Listener(#[from] std::io::Error),
    #[error(transparent)]
    Transport(#[from] tonic::transport::Error),
}

/// Serves callers that send `token` until `stop`, and then finishes the open requests.
///
/// # Errors
/// Returns an error if the listener is not on loopback, or if the connections can't be served.
pub async fn serve(
    kernel: Kernel,
    token: Token,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if !is_loopback(address.ip()) {
        return Err(ServeError::NotLoopback(address));
    }
    let service = SafetyServer::new(kernel).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let served = Server::builder()
        .max_concurrent_streams(MAX_OPEN_REQUESTS)
        .http2_max_header_list_size(MAX_METADATA_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_INTERVAL))
        .timeout(KERNEL_REQUEST_TIMEOUT)
        .add_service(InterceptedService::new(service, move |call| token.check(call)))
        .serve_with_incoming_shutdown(incoming(listener, MAX_CONNECTIONS), stop.cancelled_owned())
        .await;
    Ok(served?)
}

#[tonic::async_trait]
impl Safety for Kernel {
    async fn check(&self, request: Request<v1::CheckRequest>) -> Result<Response<v1::CheckResponse>, Status> {
        let (about, _): (PolicyRequest, Timestamp) = request
            .into_inner()
            .try_into()
            .map_err(|error: DecodeError| Status::invalid_argument(error.to_string()))?;
        let span = telemetry::job_span("decide", SpanKind::Server, about.job, about.traceparent.as_deref());
        let decision = span.in_scope(|| self.decide(&about));
        telemetry::record(&span, telemetry::DECISION, decision.name());
        Ok(Response::new(v1::CheckResponse::from(&decision)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cortex_domain::id::JobId;
    use cortex_domain::job::Owner;
    use std::collections::BTreeMap;

    use cortex_domain::pointer::{Memory, Pointer};
    use cortex_domain::ports::SafetyGate;
    use cortex_domain::state::Attempt;
    use cortex_wire::v1::safety_client::SafetyClient;

    use super::*;
    use crate::{Policies, Remote};

    fn request(topic: &str) -> PolicyRequest {
        PolicyRequest {
            owner: Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
            topic: topic.parse().unwrap(),
            job: JobId::mint(Timestamp::from_millis(1), [0; 10]),
            attempt: Attempt(1),
            model: None,
            context: Pointer::context(Memory::Local, JobId::mint(Timestamp::from_millis(1), [0; 10])),
            labels: BTreeMap::new(),
            traceparent: None,
            content: None,
            estimate: Default::default(),
            approvals: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_remote_kernel_decides_as_the_one_in_the_process_and_fails_closed() {
        let text = "default: { allow: [\"job.echo\"] }\n";
        let kernel = Kernel::new(Policies::parse(text, Path::new("safety.yaml")).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        let token = |letter: &str| Token::new(&letter.repeat(64)).unwrap();
        let server = tokio::spawn(serve(kernel.clone(), token("a"), listener, stop.clone()));

        let now = Timestamp::from_millis(1);
        let remote = Remote::new(&address, token("a")).unwrap();
        for topic in ["job.echo", "job.embed"] {
            let there = remote.check(request(topic), now).await.unwrap();
            assert_eq!(there, kernel.decide(&request(topic)));
        }

        let stranger = Remote::new(&address, token("b")).unwrap();
        let refused = stranger.check(request("job.echo"), now).await.unwrap_err();
        assert!(refused.to_string().contains("token"), "{refused}");
        let keyless = SafetyClient::connect(format!("http://{address}")).await.unwrap();
        let asked = v1::CheckRequest::from((&request("job.echo"), now));
        let status = keyless.clone().check(asked).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated);

        stop.cancel();
        server.await.unwrap().unwrap();
        assert!(remote.check(request("job.echo"), now).await.is_err());
    }

    #[tokio::test]
    async fn a_kernel_is_not_served_beyond_loopback() {
        let kernel = Kernel::new(Policies::parse("default: { allow: [] }\n", Path::new("s")).unwrap());
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let token = Token::new(&"a".repeat(64)).unwrap();
        let refused = serve(kernel, token, listener, CancellationToken::new()).await;
        assert!(matches!(refused, Err(ServeError::NotLoopback(_))), "{refused:?}");
    }
}
