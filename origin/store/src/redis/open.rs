//! Opens the store: checks the server and the installation, and fences earlier processes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::aio::ConnectionManager;
use redis::{Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisError, ServerErrorKind};

use super::arguments::Arguments;
use super::changes::Changes;
use super::link::{self, Link};
use super::reply::Reply;
use super::{RedisStore, script, settings};
use crate::server::{Durability, ServerError, ServerOptions, Sharing, process_name};

/// The schema that this program writes.
const SCHEMA_VERSION: u32 = 1;
/// How long opening may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an operating system may wait for a peer that no longer acknowledges.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(15);

impl RedisStore {
    /// Opens the store on a server. Processes that opened it before can no longer change it.
    ///
    /// # Errors
    /// Returns an error if the server can't be used, or if its database belongs to another
    /// installation or program.
    pub async fn open(options: ServerOptions) -> Result<Self, ServerError> {
        let client = client(&options.url)?;
        let server = name(client.get_connection_info().addr());
        match tokio::time::timeout(OPEN_TIMEOUT, Self::connect(client, &server, &options)).await {
            Ok(opened) => opened,
            Err(_) => Err(ServerError::Unreachable { server, cause: "the connection timed out".into() }),
        }
    }

    async fn connect(client: Client, server: &str, options: &ServerOptions) -> Result<Self, ServerError> {
        let unreachable =
            |error: RedisError| ServerError::Unreachable { server: server.into(), cause: error.to_string() };
        let mut writes = link::connect(&client).await.map_err(unreachable)?;
        let reads = link::connect(&client).await.map_err(unreachable)?;
        let info: String =
            redis::cmd("INFO").query_async(&mut writes).await.map_err(|error| failed(server, &error))?;
        settings::check(&info, server)?;
        let durability = durability(&mut writes, server).await?;
        durability.warn(server);
        let epoch = enter(&mut writes, server, options, Entry::Claim).await?;
        let process = process_name();
        Ok(Self {
            changes: Changes::start(client, process.clone()),
            link: Arc::new(Link::new(server.into(), epoch, process, writes, reads)),
            sharing: options.sharing,
            retention: options.retention,
            durability,
            early_deletions: Mutex::default(),
        })
    }
}

/// Connects to a store that exists, without changing anything.
pub(super) async fn existing(options: &ServerOptions) -> Result<Link, ServerError> {
    enter_alone(options, Entry::Look).await
}

/// Connects to an empty database, and marks it as an incomplete store.
pub(super) async fn empty(options: &ServerOptions) -> Result<Link, ServerError> {
    enter_alone(options, Entry::Fill).await
}

/// Connects without listening to others.
async fn enter_alone(options: &ServerOptions, entry: Entry) -> Result<Link, ServerError> {
    let client = client(&options.url)?;
    let server = name(client.get_connection_info().addr());
    let connected = tokio::time::timeout(OPEN_TIMEOUT, async {
        let unreachable =
            |error: RedisError| ServerError::Unreachable { server: server.clone(), cause: error.to_string() };
        let mut connection = link::connect(&client).await.map_err(unreachable)?;
        let info: String =
            redis::cmd("INFO").query_async(&mut connection).await.map_err(|error| failed(&server, &error))?;
        settings::check(&info, &server)?;
        let epoch = enter(&mut connection, &server, options, entry).await?;
        Ok(Link::new(server.clone(), epoch, process_name(), connection.clone(), connection))
    });
    match connected.await {
        Ok(connected) => connected,
        Err(_) => Err(ServerError::Unreachable { server, cause: "the connection timed out".into() }),
    }
}

/// What a process wants with the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Entry {
    /// Make it if it is missing, and claim it.
    Claim,
    /// Check that it is there.
    Look,
    /// Make it, and mark it as incomplete.
    Fill,
}

fn client(url: &str) -> Result<Client, ServerError> {
    // The error of the parser may repeat the address with its password.
    let invalid =
        |_| ServerError::Address("expected `redis://[user:password@]host[:port][/database]`".into());
    let info = url.into_connection_info().map_err(invalid)?;
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let tcp = tcp.set_user_timeout(UNACKNOWLEDGED_TIMEOUT);
    Client::open(info.set_tcp_settings(tcp)).map_err(invalid)
}

/// Returns the server's address without credentials.
fn name(address: &ConnectionAddr) -> String {
    match address {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            format!("{host}:{port}")
        }
        ConnectionAddr::Unix(path) => path.display().to_string(),
        _ => "Redis".into(),
    }
}

async fn durability(connection: &mut ConnectionManager, server: &str) -> Result<Durability, ServerError> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg(&settings::SETTINGS);
    match command.query_async::<HashMap<String, String>>(connection).await {
        Ok(found) => Ok(settings::durability(&found)),
        Err(error) if error.is_io_error() || error.is_timeout() => Err(failed(server, &error)),
        Err(error) => Ok(Durability::Unknown { cause: error.to_string() }),
    }
}

/// Checks the store, and claims it for this process if it is to. Returns its epoch.
async fn enter(
    connection: &mut ConnectionManager,
    server: &str,
    options: &ServerOptions,
    entry: Entry,
) -> Result<u64, ServerError> {
    let server = server.to_owned();
    let (script, what) = match entry {
        Entry::Claim => (&script::OPEN, "claim"),
        Entry::Look => (&script::LOOK, "look"),
        Entry::Fill => (&script::OPEN, "fill"),
    };
    let shared = u8::from(options.sharing == Sharing::Shared);
    let arguments =
        Arguments::default().text(what).text(options.installation).text(SCHEMA_VERSION).text(shared);
    let mut invocation = script.prepare_invoke();
    for value in arguments.into_values() {
        invocation.arg(value);
    }
    let reply = invocation.invoke_async(connection).await.map_err(|error| failed(&server, &error))?;
    let invalid = |error: cortex_domain::ports::StoreError| ServerError::Failed {
        server: server.clone(),
        cause: error.to_string(),
    };
    let mut reply = Reply::new(reply).map_err(invalid)?;
    let outcome = reply.text().map_err(invalid)?;
    match outcome.as_str() {
        "OPENED" => reply.number().map_err(invalid),
        "INSTALLATION" => {
            let found = reply.text().map_err(invalid)?;
            Err(ServerError::Installation { server, found, expected: options.installation })
        }
        "OCCUPIED" => Err(ServerError::Occupied { server }),
        "MISSING" => Err(ServerError::Missing { server }),
        "INCOMPLETE" => Err(ServerError::Incomplete { server, empty: "FLUSHDB" }),
        "SCHEMA" => {
            let expected = SCHEMA_VERSION;
            let found = u32::try_from(reply.number().map_err(invalid)?).unwrap_or(u32::MAX);
            Err(if found < expected {
                ServerError::OlderSchema { server, found, expected }
            } else {
                ServerError::NewerSchema { server, found, expected }
            })
        }
        _ => Err(ServerError::Failed {
            server,
            cause: "its database holds keys of another program: use an empty one, for example with `/1` at the end of \
                    the address"
                .into(),
        }),
    }
}

fn failed(server: &str, error: &RedisError) -> ServerError {
    let server = server.to_owned();
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ReadOnly) => ServerError::ReadOnly { server },
        _ => ServerError::Failed { server, cause: error.to_string() },
    }
}
