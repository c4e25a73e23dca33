//! How to connect, and why that fails.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};

/// How long a consumer may take to acknowledge a delivery.
const ACK_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_MESSAGES: i64 = 1_000_000;
const MAX_BYTES: i64 = 1 << 30;

/// How to connect to a NATS server.
#[derive(Clone)]
pub struct NatsOptions {
    address: ServerAddr,
    server: String,
    /// How long a consumer may take to acknowledge a delivery before it is made again.
    pub ack_timeout: Duration,
    /// A file with the credentials of a user (`.creds`).
    pub credentials: Option<PathBuf>,
    /// The seed of a user's nkey.
    pub nkey_seed: Option<String>,
    /// A file with the certificate authorities to trust in addition to those of this machine.
    pub authorities: Option<PathBuf>,
    /// Maximum number of messages in the queues.
    pub max_messages: i64,
    /// Maximum size of the messages in the queues, in bytes.
    pub max_bytes: i64,
}

/// The bus on a NATS server can't be used.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    #[error("the address of the NATS server is invalid (expected nats://host:port or tls://host:port)")]
    Address,
    #[error("the credentials for NATS can't be read: {0}")]
    Credentials(String),
    #[error("the NATS server {server} does not respond: {cause}")]
    Unreachable { server: String, cause: String },
    #[error("the NATS server {server} refuses the credentials")]
    Unauthorised { server: String },
    #[error("the NATS server {server} can't hold queues: {cause}; start it with JetStream")]
    NoJetStream { server: String, cause: String },
    #[error(
        "the NATS server {server} has a stream `{stream}` that is not a work queue of CortexOS: remove it, or use another \
         account"
    )]
    OtherStream { server: String, stream: &'static str },
}

impl NatsError {
    /// Returns whether the cause is in the configuration, so that another start with it fails too.
    #[must_use]
    pub fn is_of_the_configuration(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }
}

impl NatsOptions {
    /// Reads an address, such as `nats://user:password@host:4222`, or `nats://token@host`.
    ///
    /// # Errors
    /// Returns an error if it is not the address of a NATS server. The error does not repeat it.
    pub fn new(url: &str) -> Result<Self, NatsError> {
        let address: ServerAddr = url.parse().map_err(|_| NatsError::Address)?;
        if !["nats", "tls"].contains(&address.scheme()) || address.host().is_empty() {
            return Err(NatsError::Address);
        }
        Ok(Self {
            server: format!("{}:{}", address.host(), address.port()),
            address,
            ack_timeout: ACK_TIMEOUT,
            credentials: None,
            nkey_seed: None,
            authorities: None,
            max_messages: MAX_MESSAGES,
            max_bytes: MAX_BYTES,
        })
    }

    /// Returns host and port.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn address(&self) -> ServerAddr {
        self.address.clone()
    }

    pub(super) fn connect_options(&self) -> Result<ConnectOptions, NatsError> {
        let mut options = match (&self.credentials, &self.nkey_seed) {
            (Some(file), _) => {
                let failed = |error: std::io::Error| {
                    NatsError::Credentials(format!("{}: {}", file.display(), error.kind()))
                };
                ConnectOptions::with_credentials(&std::fs::read_to_string(file).map_err(failed)?)
                    .map_err(failed)?
            }
            (None, Some(seed)) => ConnectOptions::with_nkey(seed.clone()),
            (None, None) => match (self.address.username(), self.address.password()) {
                (Some(user), Some(password)) => {
                    ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
                }
                (Some(token), None) => ConnectOptions::with_token(token.to_owned()),
                (None, _) => ConnectOptions::new(),
            },
        };
        if let Some(file) = &self.authorities {
            options = options.add_root_certificates(file.clone());
        }
        Ok(options)
    }
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsOptions").field("server", &self.server).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_never_printed_with_its_password() {
        let options = NatsOptions::new("nats://me:s3cret@host:4333").unwrap();
        assert_eq!(options.server(), "host:4333");
        assert!(!format!("{options:?}").contains("s3cret"));
        assert_eq!(NatsOptions::new("tls://host").unwrap().server(), "host:4222");
        for invalid in ["", "http://s3cret@host", "ws://host", "nats://", "nats://h:x"] {
            let error = NatsOptions::new(invalid).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
