//! Why a node can't be built.

use cortex_domain::ports::BusError;
use cortex_gateway::LocalKeyError;
use cortex_link::{BindError, LinkAddress};
use cortex_safety::{RemoteError, ServeError};
use cortex_store::OpenError;

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
            | Self::Store(_) => true,
            Self::Secrets(error) => error.is_of_the_configuration(),
            // Only the port of the link is configured. The Unix socket is in the home folder.
            Self::Link(error) => matches!(error, BindError::InUse(LinkAddress::Tcp(_))),
            Self::Serve(_) | Self::Bus(_) | Self::Edge(_) | Self::Task(_) | Self::Io(_) => false,
        }
    }
}
