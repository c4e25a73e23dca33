//! A Postgres server that holds one store.

use std::sync::{Arc, LazyLock};

use cortex_domain::ports::Store;
use cortex_domain::retention::Retention;
use cortex_store::{InstallationId, PostgresStore, ServerError, ServerOptions, Sharing};
use cortex_test_servers::{Postgres, PostgresVersion};
use tokio::runtime::Runtime;

use crate::contract::TestStore;

/// The connections run here, because a test's own runtime has one thread, which must not block.
static CONNECTIONS: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

pub(crate) struct Place(pub(crate) Postgres);

impl Place {
    pub(crate) fn start(version: PostgresVersion) -> Option<Self> {
        Postgres::start(version).map(Self)
    }

    pub(crate) fn try_open(&self, options: ServerOptions) -> Result<PostgresStore, ServerError> {
        std::thread::scope(|scope| {
            scope.spawn(|| CONNECTIONS.block_on(PostgresStore::open(options))).join().unwrap()
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

/// Runs SQL on the server, as another program would.
pub(crate) async fn run(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}
