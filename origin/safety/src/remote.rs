//! The kernel in another process, over gRPC.

use std::time::Duration;

use cortex_domain::policy::{Decision, Question};
use cortex_domain::ports::{Answer, SafetyError, SafetyGate};
use cortex_domain::time::Timestamp;
use cortex_wire::v1;
use cortex_wire::v1::safety_client::SafetyClient;
use tonic::transport::{Channel, Endpoint};

/// How long an answer may take; without one the job does not pass.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the kernel at `SAFETY_KERNEL_ADDR`.
#[derive(Clone, Debug)]
pub struct Remote {
    client: SafetyClient<Channel>,
}

impl Remote {
    /// Connects when it is first asked, and again whenever the connection is lost.
    ///
    /// # Errors
    /// If the address is none.
    pub fn new(address: &str) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE)
            .tcp_nodelay(true);
        Ok(Self { client: SafetyClient::new(endpoint.connect_lazy()) })
    }
}

impl SafetyGate for Remote {
    fn check(&self, question: Question, now: Timestamp) -> Answer<'_, Result<Decision, SafetyError>> {
        let mut client = self.client.clone();
        Box::pin(async move {
            let request = v1::CheckRequest::from((&question, now));
            let response = client.check(request).await.map_err(|status| SafetyError(status.to_string()))?;
            response
                .into_inner()
                .try_into()
                .map_err(|error: cortex_wire::DecodeError| SafetyError(error.to_string()))
        })
    }
}
