//! The gateway and its components, which routes select by type.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRef;
use cortex_bus::payload::TieredPayloads;
use cortex_domain::catalogue::TopicCatalogue;
use cortex_domain::fair::Sharing;
use cortex_domain::ports::{Bus, BusError, Store};
use cortex_guard::loopback::AllowedHost;
use cortex_guard::signature::Instance;
use cortex_platform::clock::Clock;
use cortex_platform::entropy;
use cortex_platform::metrics::Registry;

use crate::auth::{Authenticator, BodyBudget, Credentials};
use crate::background_tasks::BackgroundTasks;
use crate::blocking::BlockingPool;
use crate::calls::{self, Calls};
use crate::concurrency::ConcurrencyLimit;
use crate::generate::Generator;
use crate::job_watcher::JobWatcher;
use crate::jobs::{self, Jobs, Progress};
use crate::limits::Limits;
use crate::metrics::{GrpcMetrics, HttpMetrics, ModelMetrics};
use crate::models::Models;
use crate::readers::Readers;
use crate::revocations::Revocations;
use crate::stream::Streams;
use crate::unread_bytes::UnreadBytes;
use crate::workers::Workers;

/// The dependencies and settings of a gateway.
pub struct Parts {
    pub store: Arc<dyn Store>,
    /// The same store, behind the payloads of open calls in memory.
    pub payloads: Arc<TieredPayloads>,
    pub bus: Arc<dyn Bus>,
    pub clock: Clock,
    pub catalogue: TopicCatalogue,
    pub models: Models,
    pub credentials: Credentials,
    pub sharing: Sharing,
    pub limits: Limits,
    /// Host names that local callers may use, besides those of loopback.
    pub allowed_hosts: Vec<AllowedHost>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("catalogue", &self.catalogue).finish_non_exhaustive()
    }
}

/// The gateway. Clones share everything. Routes select components by `State`, and the servers use
/// the rest.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) jobs: Jobs,
    pub(crate) calls: Calls,
    pub(crate) readers: Readers,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) server_settings: Arc<ServerSettings>,
    pub(crate) background: BackgroundTasks,
    pub(crate) http_metrics: HttpMetrics,
    pub(crate) grpc_metrics: GrpcMetrics,
    model_metrics: ModelMetrics,
    streams: Streams,
    progress: Progress,
    generator: Generator,
    models: Models,
    workers: Workers,
    revocations: Revocations,
    blocking: BlockingPool,
}

/// The settings of the servers.
#[derive(Debug)]
pub(crate) struct ServerSettings {
    /// Maximum number of connections of the HTTP API.
    pub(crate) connections: usize,
    pub(crate) unread: UnreadBytes,
    pub(crate) allowed_hosts: Vec<AllowedHost>,
}

impl Gateway {
    /// Starts the background tasks.
    ///
    /// # Errors
    /// Returns an error if the bus can't be subscribed to.
    pub async fn start(parts: Parts) -> Result<Self, BusError> {
        let Parts {
            store,
            payloads,
            bus,
            clock,
            catalogue,
            models,
            credentials,
            sharing,
            limits,
            allowed_hosts,
        } = parts;
        let background = BackgroundTasks::default();
        let workers = Workers::new(clock.clone());
        let beats = workers.clone().listen(bus.clone(), background.stopping()).await?;
        background.spawn(beats);
        let watcher = JobWatcher::default();
        // This comes before any waiting caller, so that none misses a step. If it fails, the
        // watcher starts at the first step, which is slower but misses nothing.
        let newest = store.newest_step().await.unwrap_or_default();
        background.spawn(watcher.clone().follow(store.clone(), newest, background.stopping()));
        let (catalogue, blocking, readers) =
            (Arc::new(catalogue), BlockingPool::default(), Readers::new(&limits));
        let model_metrics = ModelMetrics::default();
        let calls = Calls::new(calls::Parts {
            several_schedulers: store.is_shared(),
            metrics: model_metrics.clone(),
            bus: bus.clone(),
            payloads: payloads.clone(),
            catalogue: catalogue.clone(),
            clock: clock.clone(),
            limit: ConcurrencyLimit::calls(&sharing, &clock),
            background: background.clone(),
        });
        let jobs = Jobs::new(jobs::Parts {
            store,
            payloads,
            topics: catalogue.topics().cloned().collect(),
            catalogue,
            clock: clock.clone(),
            blocking: blocking.clone(),
            submissions: ConcurrencyLimit::submissions(limits.submissions, &sharing, &clock),
            reads: ConcurrencyLimit::reads(&sharing, &clock),
            watcher,
            stop: background.stopping(),
        });
        let bodies = BodyBudget::new(limits.bodies, sharing.weights);
        let server_settings = ServerSettings {
            connections: limits.connections,
            unread: UnreadBytes::new(limits.unread_bytes),
            allowed_hosts,
        };
        Ok(Self {
            streams: Streams::new(&limits, readers.clone(), calls.clone(), bus.clone(), background.clone()),
            progress: Progress::new(bus, background.clone()),
            generator: Generator {
                models: models.chat.clone(),
                blocking: blocking.clone(),
                calls: calls.clone(),
            },
            authenticator: Arc::new(Authenticator::new(
                credentials,
                Instance::new(entropy::random()),
                bodies,
                clock,
            )),
            server_settings: Arc::new(server_settings),
            revocations: Revocations::default(),
            http_metrics: HttpMetrics::default(),
            grpc_metrics: GrpcMetrics::default(),
            model_metrics,
            jobs,
            calls,
            readers,
            background,
            models,
            workers,
            blocking,
        })
    }

    /// Adds the gateway's metrics to those of the process.
    pub fn register(&self, registry: &Registry) {
        self.http_metrics.register(registry);
        self.grpc_metrics.register(registry);
        self.model_metrics.register(registry);
    }

    /// Stops the background tasks, and with them the streams.
    pub async fn stop(&self) {
        self.background.stop().await;
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

/// Lets handlers select components by type.
macro_rules! parts {
    ($($field:ident: $part:ty,)*) => {
        $(impl FromRef<Gateway> for $part {
            fn from_ref(gateway: &Gateway) -> Self {
                gateway.$field.clone()
            }
        })*
    };
}

parts! {
    jobs: Jobs,
    calls: Calls,
    streams: Streams,
    progress: Progress,
    generator: Generator,
    models: Models,
    workers: Workers,
    revocations: Revocations,
    readers: Readers,
    blocking: BlockingPool,
    authenticator: Arc<Authenticator>,
}

/// For handlers without components.
impl FromRef<Gateway> for () {
    fn from_ref(_: &Gateway) -> Self {}
}

/// For handlers with several components.
macro_rules! tuples {
    ($($part:ident)*) => {
        impl<$($part: FromRef<Gateway>),*> FromRef<Gateway> for ($($part,)*) {
            fn from_ref(gateway: &Gateway) -> Self {
                ($($part::from_ref(gateway),)*)
            }
        }
    };
}

tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
