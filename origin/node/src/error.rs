//! Why a node can't be built.

use cortex_bus::NatsError;
use cortex_domain::ports::BusError;
use cortex_gateway::LocalKeyError;
use cortex_link::{BindError, LinkAddress};
use cortex_safety::{RemoteError, ServeError};
use cortex_store::{OpenError, ServerError};

use crate::installation::InstallationError;
use crate::link::{IdentityFileError, WorkerTokensError};
use crate::role::RolesError;
use crate::secrets::SecretsError;

/// Why a node can't be built from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Roles(#[from] RolesError),
    #[error(transparent)]
    LocalKey(#[from] LocalKeyError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    SafetyKernel(#[from] RemoteError),
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error(transparent)]
    StoreServer(#[from] ServerError),
    #[error(transparent)]
    Installation(#[from] InstallationError),
    #[error(transparent)]
    Nats(#[from] NatsError),
    #[error(transparent)]
    Link(#[from] BindError),
    #[error(transparent)]
    Identity(#[from] IdentityFileError),
    #[error(transparent)]
    WorkerTokens(#[from] WorkerTokensError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Edge(#[from] reqwest::Error),
    #[error(transparent)]
    Task(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl BuildError {
    /// Returns whether the cause is in the configuration, so that another start with it fails too.
    #[must_use]
    pub fn is_of_the_configuration(&self) -> bool {
        match self {
            Self::Roles(_)
            | Self::Identity(_)
            | Self::WorkerTokens(_)
            | Self::LocalKey(_)
            | Self::SafetyKernel(_)
            | Self::Installation(_)
            | Self::Store(_) => true,
            Self::StoreServer(error) => error.is_of_the_configuration(),
            Self::Nats(error) => error.is_of_the_configuration(),
            Self::Secrets(error) => error.is_of_the_configuration(),
            // Only the port of the link is configured. The Unix socket is in the home folder.
            Self::Link(error) => matches!(error, BindError::InUse(LinkAddress::Tcp(_))),
            Self::Serve(_) | Self::Bus(_) | Self::Edge(_) | Self::Task(_) | Self::Io(_) => false,
        }
    }

    /// Returns whether a server of the store or the bus does not respond.
    #[must_use]
    pub fn is_of_a_server(&self) -> bool {
        matches!(self, Self::StoreServer(_) | Self::Nats(_))
    }
}
