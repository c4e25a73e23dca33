//! A safety kernel in a process of its own.

use std::net::SocketAddr;
use std::time::Duration;

use cortex_platform::process;
use cortex_safety::{Kernel, Policies, ServeError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::BuildError;
use crate::secrets::Secrets;

/// How long open requests may take to end. An origin waits less for a decision.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A running safety kernel.
#[derive(Debug)]
pub struct KernelHandle {
    pub address: SocketAddr,
    /// The version of its policies.
    pub version: String,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

/// Starts a safety kernel for callers with the token of the home folder.
///
/// # Errors
/// Returns an error if the token is invalid or the socket has no address.
pub fn build_kernel(
    policies: Policies,
    secrets: &Secrets,
    listener: TcpListener,
    metrics: Option<TcpListener>,
) -> Result<KernelHandle, BuildError> {
    let (address, version) = (listener.local_addr()?, policies.version().0.clone());
    let stop = CancellationToken::new();
    let kernel = Kernel::new(policies);
    if let Some(listener) = metrics {
        let registry = process::registry(env!("CARGO_PKG_VERSION"));
        kernel.register(&registry);
        let read = move || std::future::ready(registry.text());
        tokio::spawn(cortex_gateway::serve_metrics(listener, read, stop.clone()));
    }
    let serving = cortex_safety::serve(kernel, secrets.safety_token()?, listener, stop.clone());
    Ok(KernelHandle { address, version, stop, serving: tokio::spawn(serving) })
}

impl KernelHandle {
    /// Resolves when the kernel ends by itself.
    ///
    /// # Errors
    /// Returns an error if its socket failed.
    pub async fn ended(&mut self) -> Result<(), BuildError> {
        Ok((&mut self.serving).await??)
    }

    /// Answers the open requests, then stops.
    ///
    /// # Errors
    /// Returns an error if its socket failed.
    pub async fn stop(self) -> Result<(), BuildError> {
        self.stop.cancel();
        match timeout(DRAIN_TIMEOUT, self.serving).await {
            Ok(served) => Ok(served??),
            Err(_) => Ok(()),
        }
    }
}
