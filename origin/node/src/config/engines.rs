//! Which programs hold the jobs and carry the messages.

use std::fmt;
use std::str::FromStr;

use cortex_bus::NatsFiles;

/// Where the store is. The addresses may contain passwords, so they are never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum StoreEngine {
    /// A file in the home folder.
    #[default]
    Sqlite,
    /// A Redis or Valkey server, by its address.
    Redis(String),
    /// A Postgres database, by its address.
    Postgres(String),
}

/// What carries messages. The address may contain a password, so it is never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum BusEngine {
    /// Memory of this process.
    #[default]
    Embedded,
    /// A NATS server with JetStream.
    Nats(NatsServer),
}

/// A NATS server, and how to identify this process and the server.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NatsServer {
    pub url: String,
    pub files: NatsFiles,
}

/// The name of a store engine, as `--store` takes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreName {
    Sqlite,
    Redis,
    Postgres,
}

/// The name of a bus, as `--bus` takes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BusName {
    Embedded,
    Nats,
}

/// The engines can't be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnginesError {
    #[error("`{0}` is not a store (expected sqlite, redis or postgres)")]
    UnknownStore(String),
    #[error("`{0}` is not a bus (expected embedded or nats)")]
    UnknownBus(String),
    #[error("both REDIS_URL and DATABASE_URL are set: name the store with --store redis or --store postgres")]
    TwoStores,
    #[error("--store {name} needs the address of the server: set {variable}")]
    NoStoreAddress { name: StoreName, variable: &'static str },
    #[error("--bus nats needs the address of the server: set NATS_URL")]
    NoBusAddress,
}

impl StoreEngine {
    /// Chooses the named store, or the one whose address is set, or SQLite.
    ///
    /// # Errors
    /// Returns an error if the address is missing, or if two are set and none is named.
    pub fn choose(
        named: Option<StoreName>,
        redis_url: Option<String>,
        database_url: Option<String>,
    ) -> Result<Self, EnginesError> {
        let missing = |name, variable| EnginesError::NoStoreAddress { name, variable };
        match (named, redis_url, database_url) {
            (Some(StoreName::Sqlite), ..) | (None, None, None) => Ok(Self::Sqlite),
            (Some(StoreName::Redis) | None, Some(url), None) | (Some(StoreName::Redis), Some(url), _) => {
                Ok(Self::Redis(url))
            }
            (Some(StoreName::Postgres) | None, None, Some(url))
            | (Some(StoreName::Postgres), _, Some(url)) => Ok(Self::Postgres(url)),
            (Some(StoreName::Redis), None, _) => Err(missing(StoreName::Redis, "REDIS_URL")),
            (Some(StoreName::Postgres), _, None) => Err(missing(StoreName::Postgres, "DATABASE_URL")),
            (None, Some(_), Some(_)) => Err(EnginesError::TwoStores),
        }
    }

    #[must_use]
    pub fn name(&self) -> StoreName {
        match self {
            Self::Sqlite => StoreName::Sqlite,
            Self::Redis(_) => StoreName::Redis,
            Self::Postgres(_) => StoreName::Postgres,
        }
    }
}

impl BusEngine {
    /// Chooses the named bus, or NATS if its address is set.
    ///
    /// # Errors
    /// Returns an error if NATS is named without an address.
    pub fn choose(named: Option<BusName>, nats: Option<NatsServer>) -> Result<Self, EnginesError> {
        match (named, nats) {
            (Some(BusName::Embedded), _) | (None, None) => Ok(Self::Embedded),
            (Some(BusName::Nats) | None, Some(server)) => Ok(Self::Nats(server)),
            (Some(BusName::Nats), None) => Err(EnginesError::NoBusAddress),
        }
    }

    #[must_use]
    pub fn name(&self) -> BusName {
        match self {
            Self::Embedded => BusName::Embedded,
            Self::Nats(_) => BusName::Nats,
        }
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Redis => "redis",
            Self::Postgres => "postgres",
        })
    }
}

impl fmt::Display for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Nats => "nats",
        })
    }
}

impl FromStr for StoreName {
    type Err = EnginesError;

    fn from_str(text: &str) -> Result<Self, EnginesError> {
        let all = [Self::Sqlite, Self::Redis, Self::Postgres];
        all.into_iter()
            .find(|name| name.to_string() == text)
            .ok_or_else(|| EnginesError::UnknownStore(text.to_owned()))
    }
}

impl FromStr for BusName {
    type Err = EnginesError;

    fn from_str(text: &str) -> Result<Self, EnginesError> {
        [Self::Embedded, Self::Nats]
            .into_iter()
            .find(|name| name.to_string() == text)
            .ok_or_else(|| EnginesError::UnknownBus(text.to_owned()))
    }
}

impl fmt::Debug for StoreEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.name(), f)
    }
}

impl fmt::Debug for NatsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsServer").field("files", &self.files).finish_non_exhaustive()
    }
}

impl fmt::Debug for BusEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.name(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(named: Option<&str>, redis: &str, database: &str) -> Result<StoreEngine, EnginesError> {
        let url = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        StoreEngine::choose(named.map(str::parse).transpose()?, url(redis), url(database))
    }

    #[test]
    fn the_store_is_the_named_one_or_the_one_with_an_address_or_sqlite() {
        let redis = || Ok(StoreEngine::Redis("r".into()));
        let postgres = || Ok(StoreEngine::Postgres("p".into()));
        for (named, urls, chosen) in [
            (None, ("", ""), Ok(StoreEngine::Sqlite)),
            (Some("sqlite"), ("r", "p"), Ok(StoreEngine::Sqlite)),
            (None, ("r", ""), redis()),
            (None, ("", "p"), postgres()),
            (Some("redis"), ("r", "p"), redis()),
            (Some("postgres"), ("r", "p"), postgres()),
            (None, ("r", "p"), Err(EnginesError::TwoStores)),
            (Some("mysql"), ("", ""), Err(EnginesError::UnknownStore("mysql".into()))),
        ] {
            assert_eq!(store(named, urls.0, urls.1), chosen, "{named:?} {urls:?}");
        }
        for (named, urls, variable) in
            [("redis", ("", "p"), "REDIS_URL"), ("postgres", ("r", ""), "DATABASE_URL")]
        {
            let error = store(Some(named), urls.0, urls.1).unwrap_err().to_string();
            assert!(error.contains(named) && error.contains(variable), "{error}");
        }
    }

    #[test]
    fn the_bus_is_nats_where_its_address_is_set() {
        let server = || NatsServer { url: "nats://h".into(), ..NatsServer::default() };
        let nats = || Some(server());
        assert_eq!(BusEngine::choose(None, None), Ok(BusEngine::Embedded));
        assert_eq!(BusEngine::choose(None, nats()), Ok(BusEngine::Nats(server())));
        assert_eq!(BusEngine::choose(Some(BusName::Embedded), nats()), Ok(BusEngine::Embedded));
        assert_eq!(BusEngine::choose(Some(BusName::Nats), None), Err(EnginesError::NoBusAddress));
    }

    #[test]
    fn an_address_is_never_printed() {
        let store = StoreEngine::Postgres("postgres://me:s3cret@h/db".into());
        let server = NatsServer { url: "nats://s3cret@h".into(), ..NatsServer::default() };
        assert!(!format!("{server:?}").contains("s3cret"));
        assert_eq!(format!("{store:?} {:?}", BusEngine::Nats(server)), "postgres nats");
    }
}
