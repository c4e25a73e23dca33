//! Opens the store: checks the server, the schema and the installation, and fences every earlier
//! handle.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, GenericClient};

use super::PostgresStore;
use super::address::{Address, CONNECT_TIMEOUT};
use super::changes::Changes;
use super::fault::describe;
use super::read::Readers;
use super::settings;
use super::writer::Writer;
use crate::fence::Fence;
use crate::server::{InstallationId, ServerError, ServerOptions, Sharing, process_name};

/// How long the server may take for the checks and for the tables.
const OPEN_TIMEOUT: Duration = Duration::from_secs(15);
/// The schema that this program writes.
const SCHEMA_VERSION: u32 = 1;
const SCHEMA: [&str; 4] = [
    include_str!("migrations/0001_tables.sql"),
    include_str!("migrations/0001_write.sql"),
    include_str!("migrations/0001_forget.sql"),
    include_str!("migrations/0001_ownership.sql"),
];
const LEAST_VERSION: &str = "15";
const LEAST_VERSION_NUMBER: i32 = 150_000;
/// The lock of `cortex.enter`, so that of two processes that open an empty database, one makes the
/// tables.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1668248180)";

impl PostgresStore {
    /// Opens the store, or creates it in an empty database. From then on, no earlier handle can
    /// write.
    ///
    /// # Errors
    /// Returns an error if the server can't be reached, is a standby or too old, or if the store
    /// belongs to another installation or has another schema.
    pub async fn open(options: ServerOptions) -> Result<Self, ServerError> {
        let ServerOptions { url, installation, retention, sharing } = options;
        let address = Address::parse(&url)?;
        let server = address.server();
        let mut client = connect(&address).await?;
        let entered = timeout(OPEN_TIMEOUT, async {
            check(&client, &server).await?;
            let epoch = enter(&mut client, installation, sharing, &server).await?;
            Ok((epoch, settings::durability(&client).await))
        });
        let (epoch, durability) = entered
            .await
            .unwrap_or_else(|_| Err(unreachable(&server, "it did not answer in time".into())))?;
        durability.warn(&server);
        let pool = address.pool().map_err(|cause| ServerError::Failed { server: server.clone(), cause })?;
        let fence = Arc::new(Fence::default());
        Ok(Self {
            readers: Readers::new(pool.clone(), fence.clone()),
            writer: Writer::start(address.clone(), client, epoch, &retention, fence),
            changes: Changes::start(address, pool, process_name()),
            server,
            epoch,
            sharing,
            retention,
            durability,
            early_deletions: Mutex::default(),
        })
    }

    /// Raises the schema of an older store to that of this program. There is only one schema so
    /// far, so this only checks that the store has it.
    ///
    /// # Errors
    /// Returns an error if the server can't be reached or the store is newer than this program.
    pub async fn migrate(options: &ServerOptions) -> Result<(), ServerError> {
        let address = Address::parse(&options.url)?;
        let server = address.server();
        let mut client = connect(&address).await?;
        check(&client, &server).await?;
        let failed = |error: Error| ServerError::Failed { server: server.clone(), cause: describe(&error) };
        initialise(&mut client, options.installation, Content::New).await.map_err(failed)?;
        let (version, _) = read_meta(&client).await.map_err(failed)?;
        check_schema(version, &server)
    }
}

/// Connects to a store that exists, without changing anything. Returns the connection and the
/// server's address without credentials.
pub(super) async fn existing(options: &ServerOptions) -> Result<(Client, String), ServerError> {
    let address = Address::parse(&options.url)?;
    let server = address.server();
    let client = connect(&address).await?;
    let checked = timeout(OPEN_TIMEOUT, async {
        check(&client, &server).await?;
        let failed = |error: Error| ServerError::Failed { server: server.clone(), cause: describe(&error) };
        if !has_tables(&client).await.map_err(failed)? {
            return Err(ServerError::Missing { server: server.clone() });
        }
        check_meta(&client, options.installation, &server).await
    });
    match checked.await {
        Ok(checked) => checked.map(|()| (client, server)),
        Err(_) => Err(unreachable(&server, "it did not answer in time".into())),
    }
}

/// Connects to a database without a store, and makes the tables of one that is incomplete.
pub(super) async fn empty(options: &ServerOptions) -> Result<Client, ServerError> {
    let address = Address::parse(&options.url)?;
    let server = address.server();
    let mut client = connect(&address).await?;
    let made = timeout(OPEN_TIMEOUT, async {
        check(&client, &server).await?;
        let failed = |error: Error| ServerError::Failed { server: server.clone(), cause: describe(&error) };
        let made = initialise(&mut client, options.installation, Content::ToCome).await.map_err(failed)?;
        if !made {
            check_meta(&client, options.installation, &server).await?;
            return Err(ServerError::Occupied { server: server.clone() });
        }
        let sql = "SET statement_timeout = '590s'; SET idle_in_transaction_session_timeout = '600s';
             SET enable_seqscan = on";
        client.batch_execute(sql).await.map_err(failed)
    });
    match made.await {
        Ok(made) => made.map(|()| client),
        Err(_) => Err(unreachable(&server, "it did not answer in time".into())),
    }
}

async fn has_tables(client: &impl GenericClient) -> Result<bool, Error> {
    client.query_typed_one("SELECT to_regclass('cortex.meta') IS NOT NULL", &[]).await?.try_get(0)
}

async fn connect(address: &Address) -> Result<Client, ServerError> {
    let unreachable = |cause| unreachable(&address.server(), cause);
    match timeout(CONNECT_TIMEOUT * 2, address.connect()).await {
        Ok(connected) => connected.map_err(|error| unreachable(describe(&error))),
        Err(_) => Err(unreachable("it did not answer in time".into())),
    }
}

fn unreachable(server: &str, cause: String) -> ServerError {
    ServerError::Unreachable { server: server.to_owned(), cause }
}

/// Refuses a server on which the store can't work.
async fn check(client: &Client, server: &str) -> Result<(), ServerError> {
    let sql = "SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
         pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean";
    let facts = async {
        let row = client.query_typed_one(sql, &[]).await?;
        Ok((row.try_get::<_, i32>(0)?, row.try_get::<_, String>(1)?, row.try_get::<_, bool>(2)?))
    };
    let (number, found, read_only) = facts
        .await
        .map_err(|error: Error| ServerError::Failed { server: server.into(), cause: describe(&error) })?;
    if number < LEAST_VERSION_NUMBER {
        return Err(ServerError::Version { server: server.into(), found, least: LEAST_VERSION });
    }
    if read_only { Err(ServerError::ReadOnly { server: server.into() }) } else { Ok(()) }
}

/// Checks what the store is, and opens it. Returns its epoch.
async fn enter(
    client: &mut Client,
    expected: InstallationId,
    sharing: Sharing,
    server: &str,
) -> Result<i64, ServerError> {
    let failed = |error: Error| ServerError::Failed { server: server.into(), cause: describe(&error) };
    initialise(client, expected, Content::New).await.map_err(failed)?;
    check_meta(client, expected, server).await?;
    let shares_it = sharing == Sharing::Shared;
    // It takes the lock of the writes, so that a batch comes whole before or after it.
    let opened = client.query_typed_one("SELECT cortex.open($1)", &[(&shares_it, Type::BOOL)]).await;
    opened.and_then(|row| row.try_get(0)).map_err(failed)
}

/// Checks that the store is whole, of this schema and of this installation.
async fn check_meta(client: &Client, expected: InstallationId, server: &str) -> Result<(), ServerError> {
    let failed = |error: Error| ServerError::Failed { server: server.into(), cause: describe(&error) };
    let (version, found) = read_meta(client).await.map_err(failed)?;
    check_schema(version, server)?;
    if found != expected.to_string() {
        return Err(ServerError::Installation { server: server.into(), found, expected });
    }
    let sql = "SELECT incomplete FROM cortex.meta";
    let incomplete = client.query_typed_one(sql, &[]).await.and_then(|row| row.try_get(0));
    if incomplete.map_err(failed)? {
        let empty = "DROP SCHEMA cortex CASCADE";
        return Err(ServerError::Incomplete { server: server.into(), empty });
    }
    Ok(())
}

fn check_schema(found: u32, server: &str) -> Result<(), ServerError> {
    let (server, expected) = (server.to_owned(), SCHEMA_VERSION);
    match found {
        _ if found < expected => Err(ServerError::OlderSchema { server, found, expected }),
        _ if found > expected => Err(ServerError::NewerSchema { server, found, expected }),
        _ => Ok(()),
    }
}

/// What a new store is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    New,
    /// A copy of another store, which is incomplete until its end.
    ToCome,
}

/// Makes the tables in an empty database. Returns whether it was empty.
async fn initialise(
    client: &mut Client,
    installation: InstallationId,
    content: Content,
) -> Result<bool, Error> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(LOCK).await?;
    if has_tables(&transaction).await? {
        return transaction.rollback().await.map(|()| false);
    }
    for part in SCHEMA {
        transaction.batch_execute(part).await?;
    }
    let version = SCHEMA_VERSION.cast_signed();
    transaction
        .execute_typed(
            "INSERT INTO cortex.meta (schema_version, installation, incomplete) VALUES ($1, $2, $3)",
            &[
                (&version, Type::INT4),
                (&installation.to_string(), Type::TEXT),
                (&(content == Content::ToCome), Type::BOOL),
            ],
        )
        .await?;
    transaction.commit().await.map(|()| true)
}

async fn read_meta(client: &Client) -> Result<(u32, String), Error> {
    let row = client.query_typed_one("SELECT schema_version, installation FROM cortex.meta", &[]).await?;
    Ok((row.try_get::<_, i32>(0)?.cast_unsigned(), row.try_get(1)?))
}
