//! Where a store is, and how to read and fill it there.

use std::path::PathBuf;

use cortex_domain::ports::{Inspect, Store};
use cortex_domain::retention::Retention;
use cortex_store::{
    Export, Import, PostgresImport, PostgresInspector, PostgresStore, RedisImport, RedisInspector,
    RedisStore, ServerOptions, Sharing, SqliteExport, SqliteImport, SqliteInspector,
};
use tokio::task::spawn_blocking;

use super::error::MaintenanceError;
use crate::config::StoreEngine;
use crate::home::Home;
use crate::installation::installation;

/// Where a store is. The address of a server may contain a password, so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum StorePlace {
    File(PathBuf),
    Redis(String),
    Postgres(String),
}

impl std::fmt::Debug for StorePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            Self::Redis(_) => f.write_str("Redis"),
            Self::Postgres(_) => f.write_str("Postgres"),
        }
    }
}

impl StorePlace {
    /// Parses the address of a Redis or Postgres server. Any other text is the path of a file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once("://") {
            Some(("redis" | "rediss", _)) => Self::Redis(text.to_owned()),
            Some(("postgres" | "postgresql", _)) => Self::Postgres(text.to_owned()),
            _ => Self::File(text.into()),
        }
    }

    /// Returns the place of the store that the configuration names.
    pub(super) fn of(home: &Home, engine: &StoreEngine) -> Self {
        match engine {
            StoreEngine::Sqlite => Self::File(home.store()),
            StoreEngine::Redis(url) => Self::Redis(url.clone()),
            StoreEngine::Postgres(url) => Self::Postgres(url.clone()),
        }
    }
}

/// Returns how to open a store of this installation on a server.
fn options(home: &Home, url: &str) -> Result<ServerOptions, MaintenanceError> {
    let installation = installation(home)?;
    Ok(ServerOptions {
        url: url.to_owned(),
        installation,
        retention: Retention::default(),
        sharing: Sharing::Alone,
    })
}

/// Takes the store on a server from the process that uses it, until the store is dropped.
pub(super) async fn fence(
    home: &Home,
    place: &StorePlace,
) -> Result<Option<Box<dyn Store>>, MaintenanceError> {
    Ok(match place {
        StorePlace::File(_) => None,
        StorePlace::Redis(url) => Some(Box::new(RedisStore::open(options(home, url)?).await?)),
        StorePlace::Postgres(url) => Some(Box::new(PostgresStore::open(options(home, url)?).await?)),
    })
}

pub(super) async fn export(home: &Home, place: &StorePlace) -> Result<Box<dyn Export>, MaintenanceError> {
    Ok(match place.clone() {
        StorePlace::File(path) => Box::new(spawn_blocking(move || SqliteExport::open(path)).await??),
        StorePlace::Redis(url) => Box::new(RedisInspector::open(&options(home, &url)?).await?),
        StorePlace::Postgres(url) => Box::new(PostgresInspector::open(&options(home, &url)?).await?),
    })
}

pub(super) async fn import(home: &Home, place: &StorePlace) -> Result<Box<dyn Import>, MaintenanceError> {
    Ok(match place.clone() {
        StorePlace::File(path) => Box::new(spawn_blocking(move || SqliteImport::create(path)).await??),
        StorePlace::Redis(url) => Box::new(RedisImport::create(&options(home, &url)?).await?),
        StorePlace::Postgres(url) => Box::new(PostgresImport::create(&options(home, &url)?).await?),
    })
}

pub(super) async fn inspect(home: &Home, place: &StorePlace) -> Result<Box<dyn Inspect>, MaintenanceError> {
    Ok(match place.clone() {
        StorePlace::File(path) => Box::new(spawn_blocking(move || SqliteInspector::open(path)).await??),
        StorePlace::Redis(url) => Box::new(RedisInspector::open(&options(home, &url)?).await?),
        StorePlace::Postgres(url) => Box::new(PostgresInspector::open(&options(home, &url)?).await?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_server_by_its_scheme_and_never_shows_a_password() {
        for (text, shown) in [
            ("redis://:s3cret@h/0", "Redis"),
            ("rediss://h", "Redis"),
            ("postgres://u:s3cret@h/db", "Postgres"),
            ("postgresql://h/db", "Postgres"),
            ("/var/store.db", "\"/var/store.db\""),
        ] {
            assert_eq!(format!("{:?}", StorePlace::parse(text)), shown);
        }
    }
}
