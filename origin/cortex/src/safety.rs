//! `cortex safety`: the safety kernel in a process of its own, until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use cortex_safety::Kernel;
use tokio_util::sync::CancellationToken;

use crate::cli::SafetyArgs;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::origin;
use crate::secrets::Secrets;
use crate::show::out;
use crate::up::{Signals, bind};

/// How long open questions have to be answered; an origin waits less for an answer.
const GRACE: Duration = Duration::from_secs(5);

/// Reads the policies once and answers by them whoever shows the home folder's token.
///
/// # Errors
/// If the policies can't be used or the port is taken.
pub(crate) async fn run(home: &Home, args: SafetyArgs) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let policies = origin::policies(args.safety.as_deref())?;
    let token = Secrets::open(home)?.safety_token()?;
    let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)), "--port").await?;
    let (address, version) = (listener.local_addr()?, policies.version().0.clone());

    let stop = CancellationToken::new();
    let serving = cortex_safety::serve(Kernel::new(policies), token, listener, stop.clone());
    tokio::pin!(serving);
    out(&format!("The safety kernel is up at {address}, by policy {version}. Ctrl-C stops it."));
    tokio::select! {
        served = serving.as_mut() => served?,
        () = signals.any() => {
            stop.cancel();
            if let Ok(served) = tokio::time::timeout(GRACE, serving).await {
                served?;
            }
        }
    }
    Ok(Exit::Done)
}
