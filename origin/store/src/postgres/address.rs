//! The address of the server, and how to connect to it.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::changes;
use crate::server::ServerError;

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a read may wait for a connection.
const POOL_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(15);
const READERS: usize = 4;

/// The settings of a session. They bound what the server does for a client that no longer waits.
/// Sequential scans are off, because a plan that was made for a small table must not stay when the
/// table has grown. Plans are not compiled, because the cost of a disabled scan looks like that of a
/// long query.
const SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '8s'; \
     SET idle_in_transaction_session_timeout = '10s'; SET default_transaction_isolation = 'read committed'; \
     SET enable_seqscan = off; SET jit = off; SET client_min_messages = warning";

/// Where the server is, and how to prove that it is the right one.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.server())
    }
}

impl Address {
    /// Parses a URL. Without `sslmode`, TLS is demanded of every server that is not on this
    /// machine. A server's certificate is always verified.
    pub(super) fn parse(url: &str) -> Result<Self, ServerError> {
        let verified = url.replace("sslmode=verify-full", "sslmode=require");
        let mut config: Config = verified.parse().map_err(|error| {
            // The text of the error names the option, and never its value.
            ServerError::Address(super::fault::describe(&error))
        })?;
        if config.get_hosts().is_empty() {
            return Err(ServerError::Address("the host is missing".into()));
        }
        let is_local = config.get_hosts().iter().all(is_local);
        let encrypts = match config.get_ssl_mode() {
            SslMode::Disable => false,
            SslMode::Require => true,
            _ => !is_local,
        };
        config
            .ssl_mode(if encrypts { SslMode::Require } else { SslMode::Disable })
            .application_name("cortex")
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(KEEPALIVE)
            .keepalives_idle(KEEPALIVE)
            .keepalives_interval(KEEPALIVE / 3)
            .keepalives_retries(3);
        let tls = encrypts
            .then(|| {
                MakeRustlsConnect::with_native_certs().map(|(tls, _)| tls).map_err(|_| {
                    ServerError::Address(
                        "TLS needs the certificates of this machine, but no certificate was found".into(),
                    )
                })
            })
            .transpose()?;
        Ok(Self { config, tls })
    }

    /// Returns the server's address without credentials.
    pub(super) fn server(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(n, host)| {
            let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        });
        hosts.collect::<Vec<_>>().join(",")
    }

    /// Opens a connection. The task ends when the client is dropped.
    pub(super) async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let client = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                tokio::spawn(connection);
                client
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                tokio::spawn(connection);
                client
            }
        };
        client.batch_execute(SESSION).await?;
        Ok(client)
    }

    /// Opens a connection that gives each notification to `on_notification`.
    pub(super) async fn listen(
        &self,
        on_notification: impl Fn(&str) + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        Ok(match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                (client, tokio::spawn(changes::forward(connection, on_notification)))
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                (client, tokio::spawn(changes::forward(connection, on_notification)))
            }
        })
    }

    /// Returns a pool that connects when a read needs it.
    pub(super) fn pool(&self) -> Result<Pool, String> {
        let checked = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &self.tls {
            Some(tls) => Manager::from_config(self.config.clone(), tls.clone(), checked),
            None => Manager::from_config(self.config.clone(), NoTls, checked),
        };
        let prepare = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
        });
        Pool::builder(manager)
            .max_size(READERS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(POOL_TIMEOUT))
            .create_timeout(Some(POOL_TIMEOUT))
            .recycle_timeout(Some(POOL_TIMEOUT))
            .post_create(prepare)
            .build()
            .map_err(|error| error.to_string())
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_never_shows_its_password() {
        let address = Address::parse("postgres://user:secret@127.0.0.1:6000/db").unwrap();
        assert_eq!(address.server(), "127.0.0.1:6000");
        assert_eq!(format!("{address:?}"), "127.0.0.1:6000");
        for url in [
            "postgres://user:secret@127.0.0.1:port/db",
            "postgres://user:secret@127.0.0.1/db?sslrootcert=/x",
            "postgres://user:secret@127.0.0.1/db?sslmode=verify-ca",
            "postgres://user:secret",
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn an_option_that_is_not_supported_is_named() {
        let error = Address::parse("postgres://user@127.0.0.1/db?sslrootcert=/x").unwrap_err().to_string();
        assert!(error.contains("sslrootcert"), "{error}");
    }

    #[test]
    fn a_server_on_another_machine_needs_tls() {
        let encrypts = |url| Address::parse(url).unwrap().tls.is_some();
        assert!(!encrypts("postgres://user@localhost/db"));
        assert!(!encrypts("postgres://user@[::1]/db"));
        assert!(!encrypts("postgres://user@db.example/db?sslmode=disable"));
    }
}
