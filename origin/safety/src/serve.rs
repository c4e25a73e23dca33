//! The kernel's gRPC door.

use std::time::Duration;

use cortex_domain::policy::Question;
use cortex_domain::time::Timestamp;
use cortex_wire::v1::safety_server::{Safety, SafetyServer};
use cortex_wire::{DecodeError, v1};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::kernel::Kernel;

/// The largest question. It carries pointers and labels, never an input.
const MESSAGE: usize = 64 * 1024;
/// Questions of one connection that are open.
const OPEN: u32 = 1024;
/// How long a question may take to arrive and be answered.
const PATIENCE: Duration = Duration::from_secs(5);
/// A peer that is silent for so long is asked whether it is there, and has so long to say so.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Serves until `stop`, then answers what is open.
///
/// # Errors
/// If the connections can't be served.
pub async fn serve(
    kernel: Kernel,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .max_concurrent_streams(OPEN)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .timeout(PATIENCE)
        .add_service(SafetyServer::new(kernel).max_decoding_message_size(MESSAGE))
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
}

#[tonic::async_trait]
impl Safety for Kernel {
    async fn check(&self, request: Request<v1::CheckRequest>) -> Result<Response<v1::CheckResponse>, Status> {
        let (question, _): (Question, Timestamp) = request
            .into_inner()
            .try_into()
            .map_err(|error: DecodeError| Status::invalid_argument(error.to_string()))?;
        Ok(Response::new(v1::CheckResponse::from(&self.decide(&question))))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cortex_domain::id::JobId;
    use cortex_domain::job::Owner;
    use cortex_domain::pointer::{Memory, Pointer};
    use cortex_domain::ports::SafetyGate;

    use super::*;
    use crate::{Policies, Remote};

    fn question(topic: &str) -> Question {
        Question {
            owner: Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
            topic: topic.parse().unwrap(),
            context: Pointer::context(Memory::Local, JobId::mint(Timestamp::from_millis(1), [0; 10])),
            labels: vec![],
        }
    }

    #[tokio::test]
    async fn a_remote_kernel_decides_as_the_one_in_the_process_and_fails_closed() {
        let text = "default: { allow: [\"job.echo\"] }\n";
        let kernel = Kernel::new(Policies::parse(text, Path::new("safety.yaml")).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(kernel.clone(), listener, stop.clone()));

        let now = Timestamp::from_millis(1);
        let remote = Remote::new(&address).unwrap();
        for topic in ["job.echo", "job.embed"] {
            let there = remote.check(question(topic), now).await.unwrap();
            assert_eq!(there, kernel.decide(&question(topic)));
        }

        stop.cancel();
        server.await.unwrap().unwrap();
        assert!(remote.check(question("job.echo"), now).await.is_err());
    }
}
