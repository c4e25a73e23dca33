//! A Redis server that holds one store.

use std::sync::{Arc, LazyLock};

use cortex_domain::ports::Store;
use cortex_domain::retention::Retention;
use cortex_store::{InstallationId, RedisStore, ServerError, ServerOptions};
use cortex_test_servers::{Redis, RedisKind};
use tokio::runtime::Runtime;

use crate::contract::TestStore;

/// The connections run here, because a test's own runtime has one thread, which must not block.
static CONNECTIONS: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

pub(crate) struct Place(pub(crate) Redis);

impl Place {
    pub(crate) fn start(kind: RedisKind) -> Option<Self> {
        Redis::start(kind).map(Self)
    }

    pub(crate) fn try_open(&self, options: ServerOptions) -> Result<RedisStore, ServerError> {
        std::thread::scope(|scope| {
            scope.spawn(|| CONNECTIONS.block_on(RedisStore::open(options))).join().unwrap()
        })
    }

    pub(crate) fn options(&self) -> ServerOptions {
        ServerOptions {
            url: self.0.url(),
            installation: InstallationId::new([7; 16]),
            retention: Retention::default(),
        }
    }
}

impl TestStore for Place {
    fn open_with(&self, retention: Retention) -> Arc<dyn Store> {
        Arc::new(self.try_open(ServerOptions { retention, ..self.options() }).unwrap())
    }
}
