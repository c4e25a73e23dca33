//! The role `scheduler`: the scheduler and the workers' link.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cortex_domain::id::{Pool, Tenant};
use cortex_domain::ports::SafetyGate;
use cortex_link::{Limits, LinkAddress, Listener, Route, STOP_TIMEOUT, Server, Tokens};
use cortex_safety::{Kernel, Remote};
use cortex_scheduler::{Parts, Scheduler};
use tokio::time::timeout;

use crate::common::Common;
use crate::config::{Config, LinkConfig, SafetyConfig};
use crate::error::BuildError;
use crate::home::Home;
use crate::link::{WorkerTokens, link_identity, local_id, worker_tokens};
use crate::secrets::Secrets;
use crate::tasks::Tasks;

/// How long the workers' links may take to end: the time in which their server cuts the last one,
/// and a little more.
pub(crate) const LINKS_TIMEOUT: Duration = STOP_TIMEOUT.saturating_add(Duration::from_secs(2));

/// The running scheduler of a node.
pub struct SchedulerHandle {
    /// Where workers on this machine connect.
    pub link: Route,
    /// Where workers on other machines connect.
    pub remote_link: Option<Route>,
    tokens: Tokens,
    scheduler: Scheduler,
    links: Tasks,
}

impl SchedulerHandle {
    /// Creates a token for workers of one pool, which is valid until this node stops.
    #[must_use]
    pub fn worker_token(&self, pool: &Pool) -> String {
        self.tokens.issue(local_id(pool), [pool.clone()])
    }

    pub(crate) async fn stop(self) {
        if timeout(LINKS_TIMEOUT, self.links.end()).await.is_err() {
            tracing::error!(
                "the workers' links did not end in time: the node stops without waiting for them"
            );
        }
        self.scheduler.stop().await;
    }
}

impl fmt::Debug for SchedulerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerHandle").field("link", &self.link).finish_non_exhaustive()
    }
}

pub(crate) async fn start(
    config: &Config,
    common: &Common,
    home: &Home,
    secrets: &Secrets,
) -> Result<SchedulerHandle, BuildError> {
    let gate = gate(&config.safety, &config.gateway.operator.tenant, secrets)?;
    let listeners = listen(home, &config.link).await?;
    let link = listeners.local.route().clone();
    let remote_link = listeners.remote.as_ref().map(|listener| listener.route().clone());
    let tokens = Tokens::default();
    let limits = Limits { heartbeat: config.scheduler.heartbeat, ..Limits::default() };
    let server = Server::new(common.bus.clone(), common.payloads.clone(), tokens.clone(), limits);
    server.register(&common.registry);
    let mut kept = WorkerTokens::of(home).changes();
    server.keep_tokens(worker_tokens(&kept.next()?.unwrap_or_default()));
    let scheduler = Scheduler::start(Parts {
        store: common.store.clone(),
        bus: common.bus.clone(),
        gate,
        clock: common.clock.clone(),
        settings: config.scheduler.clone(),
    })
    .await?;
    scheduler.register(&common.registry);
    let links = Tasks::default();
    for listener in [Some(listeners.local), listeners.remote].into_iter().flatten() {
        let (server, stop) = (server.clone(), links.stop.clone());
        links.tracker.spawn(async move {
            if let Err(error) = server.serve(listener, stop).await {
                tracing::error!(%error, "the workers' link failed");
            }
        });
    }
    links.tracker.spawn(kept.watch(server, links.stop.clone()));
    Ok(SchedulerHandle { link, remote_link, tokens, scheduler, links })
}

/// The sockets of the workers' link.
struct Listeners {
    local: Listener,
    remote: Option<Listener>,
}

async fn listen(home: &Home, config: &LinkConfig) -> Result<Listeners, BuildError> {
    let identity = link_identity(home)?;
    let local = LinkAddress::Unix(home.run().join("link.sock"));
    let remote = match config.listen {
        Some(address) => Some(Listener::bind(&LinkAddress::Tcp(address.into()), &identity).await?),
        None => None,
    };
    Ok(Listeners { local: Listener::bind(&local, &identity).await?, remote })
}

fn gate(
    config: &SafetyConfig,
    tenant: &Tenant,
    secrets: &Secrets,
) -> Result<Arc<dyn SafetyGate>, BuildError> {
    match config {
        SafetyConfig::Remote(address) => Ok(Arc::new(Remote::new(address, secrets.safety_token()?)?)),
        SafetyConfig::Local(policies) => {
            if !policies.know(tenant) {
                tracing::warn!(
                    %tenant,
                    "the policies name neither this tenant nor a default, so every request of the tenant is denied: name \
                     it in a file given with --safety"
                );
            }
            Ok(Arc::new(Kernel::new(policies.clone())))
        }
    }
}
