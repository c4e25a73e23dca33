//! Which servers hold the jobs and carry the messages.

use cortex_node::{BusEngine, BusName, Config, EnginesError, StoreEngine, StoreName};

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

    /// A file with the address of a NATS server with JetStream, such as nats://localhost:4222
    #[arg(long, env = "NATS_URL", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    nats_url: Option<String>,
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
        config.bus = BusEngine::choose(self.bus, given(&self.nats_url))?;
        Ok(())
    }
}

/// Returns the address, unless it is empty.
fn given(url: &Option<String>) -> Option<String> {
    url.clone().filter(|url| !url.is_empty())
}
