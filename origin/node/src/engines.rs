//! Opens the store and the bus that the configuration names.

use std::sync::Arc;

use cortex_bus::{Embedded, Nats, NatsOptions, Room};
use cortex_domain::ports::{Bus, Store};
use cortex_platform::metrics::Registry;
use cortex_store::{PostgresStore, RedisStore, ServerOptions, Sharing, SqliteStore};

use crate::config::{BusEngine, Config, NatsServer, StoreEngine};
use crate::error::BuildError;
use crate::home::Home;
use crate::installation::installation;

/// Opens the store and adds its metrics to those of the process.
pub(crate) async fn open_store(
    home: &Home,
    config: &Config,
    registry: &Registry,
) -> Result<Arc<dyn Store>, BuildError> {
    let retention = config.store.retention;
    // Only a bus on a server reaches the processes with which the store can be shared.
    let sharing = match config.bus {
        BusEngine::Embedded => Sharing::Alone,
        BusEngine::Nats(_) => Sharing::Shared,
    };
    let options = |url: &String| {
        let installation = installation(home)?;
        Ok::<_, BuildError>(ServerOptions { url: url.clone(), installation, retention, sharing })
    };
    Ok(match &config.store.engine {
        StoreEngine::Sqlite => {
            let path = home.store();
            let store =
                tokio::task::spawn_blocking(move || SqliteStore::open_with(path, retention)).await??;
            store.register(registry);
            Arc::new(store)
        }
        StoreEngine::Redis(url) => {
            let store = RedisStore::open(options(url)?).await?;
            store.register(registry);
            Arc::new(store)
        }
        StoreEngine::Postgres(url) => {
            let store = PostgresStore::open(options(url)?).await?;
            store.register(registry);
            Arc::new(store)
        }
    })
}

/// A bus that can be closed.
#[derive(Debug, Clone)]
pub(crate) enum OpenBus {
    Embedded(Embedded),
    Nats(Nats),
}

impl OpenBus {
    /// Opens the bus and adds its metrics to those of the process.
    pub(crate) async fn open(config: &BusEngine, registry: &Registry) -> Result<Self, BuildError> {
        Ok(match config {
            BusEngine::Embedded => {
                let bus = Embedded::new(Room::default());
                bus.register(registry);
                Self::Embedded(bus)
            }
            BusEngine::Nats(NatsServer { url, files }) => {
                let mut options = NatsOptions::new(url)?;
                options.files = files.clone();
                let bus = Nats::connect(options).await?;
                bus.register(registry);
                Self::Nats(bus)
            }
        })
    }

    pub(crate) fn bus(&self) -> Arc<dyn Bus> {
        match self {
            Self::Embedded(bus) => Arc::new(bus.clone()),
            Self::Nats(bus) => Arc::new(bus.clone()),
        }
    }

    /// Sets the metrics that only the server knows.
    pub(crate) async fn measure(&self) {
        match self {
            Self::Embedded(_) => {}
            Self::Nats(bus) => bus.measure().await,
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Embedded(bus) => bus.close(),
            Self::Nats(bus) => bus.close().await,
        }
    }
}
