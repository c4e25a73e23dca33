//! A Redis server that holds one store.

use std::sync::{Arc, LazyLock};

use cortex_domain::ports::Store;
use cortex_domain::retention::Retention;
use cortex_store::{InstallationId, RedisStore, ServerError, ServerOptions, Sharing};
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

    /// Starts a server with settings in addition to those that flush every write.
    pub(crate) fn start_with(kind: RedisKind, settings: &[&str]) -> Option<Self> {
        let flushed = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
        Redis::start_with(kind, &[&flushed, settings].concat()).map(Self)
    }

    /// Opens the store of the default installation.
    pub(crate) fn store(&self) -> RedisStore {
        self.try_open(self.options()).unwrap()
    }

    /// Sends a command as an operator would.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        let mut connection = redis::Client::open(self.0.url()).unwrap().get_connection().unwrap();
        command.query(&mut connection).unwrap()
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
            sharing: Sharing::Alone,
        }
    }
}

impl TestStore for Place {
    fn open_with(&self, retention: Retention) -> Arc<dyn Store> {
        Arc::new(self.try_open(ServerOptions { retention, ..self.options() }).unwrap())
    }
}
