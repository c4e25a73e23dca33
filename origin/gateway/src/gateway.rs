//! What every route works with.

use std::fmt;
use std::sync::Arc;

use cortex_api::topics;
use cortex_bus::payload::Layered;
use cortex_domain::catalogue::Catalogue;
use cortex_domain::fair::Sharing;
use cortex_domain::id::JobId;
use cortex_domain::ports::{Bus, BusError, Store};
use cortex_domain::time::Timestamp;
use cortex_guard::loopback::AllowedHost;
use cortex_guard::signature::Instance;
use cortex_platform::clock::Clock;
use cortex_platform::entropy;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calls::Calls;
use crate::door::{Budget, Credentials, Door};
use crate::holders::Holders;
use crate::limits::Limits;
use crate::models::Models;
use crate::offload::Offload;
use crate::readers::Readers;
use crate::stream::Streams;
use crate::unread::Unread;
use crate::waits::Waits;
use crate::watch::Watch;
use crate::workers::Workers;

/// What the gateway is made of.
pub struct Parts {
    pub store: Arc<dyn Store>,
    /// The same store with the payloads of open calls before it.
    pub payloads: Arc<Layered>,
    pub bus: Arc<dyn Bus>,
    pub clock: Clock,
    pub catalogue: Catalogue,
    pub models: Models,
    pub credentials: Credentials,
    pub sharing: Sharing,
    pub limits: Limits,
    /// Hosts beside loopback's own that local callers may know the doors by.
    pub allowed_hosts: Vec<AllowedHost>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("catalogue", &self.catalogue).finish_non_exhaustive()
    }
}

/// The gateway; a clone is the same one.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) payloads: Arc<Layered>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Clock,
    pub(crate) catalogue: Catalogue,
    pub(crate) topics: topics::Catalogue,
    pub(crate) models: Models,
    pub(crate) calls: Calls,
    pub(crate) waits: Waits,
    pub(crate) submissions: Waits,
    pub(crate) offload: Offload,
    pub(crate) reads: Waits,
    pub(crate) streams: Streams,
    pub(crate) readers: Readers,
    pub(crate) holders: Holders,
    /// Connections of the HTTP door at most.
    pub(crate) connections: usize,
    pub(crate) unread: Unread,
    pub(crate) door: Door,
    pub(crate) allowed_hosts: Vec<AllowedHost>,
    pub(crate) watch: Watch,
    pub(crate) workers: Workers,
    pub(crate) stop: CancellationToken,
    tasks: TaskTracker,
}

impl Gateway {
    /// Starts what runs beside the requests.
    ///
    /// # Errors
    /// If the bus can't be listened on.
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
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let workers = Workers::default();
        let beats = workers.clone().listen(bus.as_ref(), clock.clone(), stop.clone()).await?;
        let watch = Watch::default();
        tasks.spawn(beats);
        // Before anybody can wait, so that no step between is missed. From the first step on takes longer and
        // misses none.
        let newest = store.newest_step().await.unwrap_or_default();
        tasks.spawn(watch.clone().follow(store.clone(), newest, stop.clone()));
        let streams = Streams::new(&limits);
        tasks.spawn(streams.clone().sweep(stop.clone()));
        let bodies = Budget::new(limits.bodies, sharing.weights.clone());
        let door = Door::new(credentials, Instance::new(entropy::random()), bodies);
        let topics = catalogue.topics().cloned().collect();
        let waits = Waits::calls(&sharing, &clock);
        let submissions = Waits::submissions(limits.submissions, &sharing, &clock);
        let reads = Waits::reads(&sharing, &clock);
        let inner = Inner {
            store,
            payloads,
            bus,
            clock,
            catalogue,
            topics,
            models,
            calls: Calls::default(),
            waits,
            streams,
            readers: Readers::new(&limits),
            holders: Holders::default(),
            connections: limits.connections,
            submissions,
            offload: Offload::default(),
            reads,
            unread: Unread::new(limits.unread_bytes),
            door,
            allowed_hosts,
            watch,
            workers,
            stop,
            tasks,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Ends what runs beside the requests; streams end with it.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn mint(&self) -> JobId {
        JobId::mint(self.now(), entropy::random())
    }

    /// Does something that nobody waits for, and that a stop waits for.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}
