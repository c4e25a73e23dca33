//! What the stores on servers have in common: how they are opened, and what their server may lose.

use std::fmt;

use cortex_domain::hex;
use cortex_domain::retention::Retention;
use cortex_platform::entropy;

/// How to open a store on a server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The address with credentials, for example `redis://localhost:6379` or
    /// `postgres://user@localhost/db`.
    pub url: String,
    /// The installation that the store must belong to.
    pub installation: InstallationId,
    pub retention: Retention,
    pub sharing: Sharing,
}

/// Whether other processes may use the store at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sharing {
    /// Only this process may, as its bus reaches no other one. Those that opened the store before
    /// can no longer use it.
    #[default]
    Alone,
    /// Every process of the installation that shares it too.
    Shared,
}

/// Returns a random name of this process, by which it knows its own announcements.
pub(crate) fn process_name() -> String {
    hex::encode(&entropy::random::<8>())
}

/// The random id of an installation, so that two installations do not share a store by mistake.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstallationId([u8; 16]);

impl InstallationId {
    #[must_use]
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// Parses 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(|id| Self(id.to_be_bytes()))
    }
}

impl fmt::Display for InstallationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for InstallationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A store on a server could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("the address of the store is invalid: {0}")]
    Address(String),
    #[error("the store at {server} does not respond: {cause}")]
    Unreachable { server: String, cause: String },
    #[error("{server} is a Redis Cluster, which is not supported: use a single primary")]
    Cluster { server: String },
    #[error("{server} is a replica or read-only: use the primary")]
    ReadOnly { server: String },
    #[error("{server} runs version {found}, but at least {least} is needed")]
    Version { server: String, found: String, least: &'static str },
    #[error(
        "the store at {server} belongs to installation {found}, but this one is {expected}: use a store of its own, \
         or copy the file `installation` from the home of the other installation"
    )]
    Installation { server: String, found: String, expected: InstallationId },
    #[error(
        "the store at {server} has schema version {found}, but this program needs {expected}: run `cortex store migrate`"
    )]
    OlderSchema { server: String, found: u32, expected: u32 },
    #[error(
        "the store at {server} has schema version {found}, but this program knows only {expected}: run a newer version of cortex"
    )]
    NewerSchema { server: String, found: u32, expected: u32 },
    #[error("the database at {server} is not empty: name an empty one")]
    Occupied { server: String },
    #[error("there is no store at {server}")]
    Missing { server: String },
    #[error(
        "the store at {server} is an incomplete copy: empty it with `{empty}`, then run `cortex store copy` again"
    )]
    Incomplete { server: String, empty: &'static str },
    #[error("the store at {server} failed: {cause}")]
    Failed { server: String, cause: String },
}

impl ServerError {
    /// Returns whether the cause is in the configuration, so that another start with it fails too.
    #[must_use]
    pub fn is_of_the_configuration(&self) -> bool {
        !matches!(self, Self::Unreachable { .. } | Self::Failed { .. })
    }
}

/// Whether a store's server keeps every write that it has confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Durability {
    /// A confirmed write is flushed to the disk.
    Flushed,
    /// Some settings permit the server to lose confirmed writes.
    AtRisk(Vec<Risk>),
    /// The server does not show its settings to this user.
    Unknown { cause: String },
}

/// A setting that permits a server to lose confirmed writes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Risk {
    /// The setting with its value, for example `appendfsync everysec`.
    pub setting: String,
    /// What may be lost, as the object of "may lose".
    pub loses: &'static str,
    /// What to set instead.
    pub instead: &'static str,
}

impl Durability {
    /// Logs what the server may lose.
    pub fn warn(&self, server: &str) {
        match self {
            Self::Flushed => {}
            Self::AtRisk(risks) => {
                for Risk { setting, loses, instead } in risks {
                    tracing::warn!(%server, "the store may lose {loses}, because it runs with `{setting}`: set `{instead}`");
                }
            }
            Self::Unknown { cause } => {
                tracing::warn!(%server, %cause, "it is unknown whether the store flushes what it confirms, because its settings can't be read");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_id_is_what_it_was_printed_as() {
        let id = InstallationId::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff]);
        assert_eq!(InstallationId::parse(&id.to_string()), Some(id));
        for invalid in ["", "00", &"g".repeat(32), &"+".repeat(32), &"0".repeat(33)] {
            assert_eq!(InstallationId::parse(invalid), None, "{invalid}");
        }
    }
}
