//! Which servers hold the jobs and carry the messages.

use std::path::PathBuf;

use cortex_node::{BusEngine, BusName, Config, EnginesError, NatsFiles, NatsServer, StoreEngine, StoreName};

use super::secret;

/// The store. Its address may contain a password.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct StoreArgs {
    /// The store: sqlite, redis or postgres [default: the one whose address is set, or sqlite]
    #[arg(long, env = "CORTEX_STORE", value_name = "STORE")]
    store: Option<StoreName>,

    /// A file with the address of a Redis or Valkey server, such as redis://localhost:6379
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    redis_url: Option<String>,

    /// A file with the address of a Postgres database, such as postgres://user@localhost/cortex
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    database_url: Option<String>,
}

/// The store and the bus. Their addresses may contain passwords.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct EngineArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// The bus: embedded or nats [default: nats if its address is set, or embedded]
    #[arg(long, env = "CORTEX_BUS", value_name = "BUS")]
    bus: Option<BusName>,

    #[command(flatten)]
    nats: NatsArgs,
}

/// A NATS server, and the files with which it and its client identify themselves. The files with
/// secrets may be readable only by this user.
#[derive(Debug, Clone, Default, clap::Args)]
struct NatsArgs {
    /// A file with the address of a NATS server with JetStream, such as nats://localhost:4222
    #[arg(long, env = "NATS_URL", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    nats_url: Option<String>,

    /// The credentials of the NATS user (.creds), which only this user can read
    #[arg(long, env = "NATS_CREDS", hide_env_values = true, value_name = "FILE")]
    nats_creds: Option<PathBuf>,

    /// A file with the seed of the NATS user's nkey, which only this user can read
    #[arg(long, env = "NATS_NKEY", hide_env_values = true, value_name = "FILE")]
    nats_nkey: Option<PathBuf>,

    /// A PEM file with the certificate authorities of the NATS server [default: those of this
    /// machine]
    #[arg(long, env = "NATS_CA", hide_env_values = true, value_name = "FILE")]
    nats_ca: Option<PathBuf>,

    /// A PEM file with the client certificate for NATS; it needs --nats-key
    #[arg(long, env = "NATS_CERT", hide_env_values = true, value_name = "FILE")]
    nats_cert: Option<PathBuf>,

    /// A PEM file with the private key of the client certificate, which only this user can read
    #[arg(long, env = "NATS_KEY", hide_env_values = true, value_name = "FILE")]
    nats_key: Option<PathBuf>,
}

impl StoreArgs {
    /// Returns the chosen store.
    ///
    /// # Errors
    /// Returns an error if an address is missing, or two stores are set and none is named.
    pub(crate) fn engine(&self) -> Result<StoreEngine, EnginesError> {
        StoreEngine::choose(self.store, given(&self.redis_url), given(&self.database_url))
    }
}

impl EngineArgs {
    /// Sets the chosen store and bus.
    ///
    /// # Errors
    /// Returns an error if an address is missing, or two stores are set and none is named.
    pub(crate) fn set(&self, config: &mut Config) -> Result<(), EnginesError> {
        config.store.engine = self.store.engine()?;
        config.bus = BusEngine::choose(self.bus, self.nats.server())?;
        Ok(())
    }
}

impl NatsArgs {
    fn server(&self) -> Option<NatsServer> {
        let files = NatsFiles {
            credentials: self.nats_creds.clone(),
            nkey: self.nats_nkey.clone(),
            authorities: self.nats_ca.clone(),
            certificate: self.nats_cert.clone(),
            key: self.nats_key.clone(),
        };
        Some(NatsServer { url: given(&self.nats_url)?, files })
    }
}

/// Returns the address, unless it is empty.
fn given(url: &Option<String>) -> Option<String> {
    url.clone().filter(|url| !url.is_empty())
}
