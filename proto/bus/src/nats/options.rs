//! How to connect, and why that fails.

use std::fmt;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use cortex_domain::id::WorkerId;

use super::error::NatsError;
use super::files::NatsFiles;
use super::permissions;

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
    pub files: NatsFiles,
    /// The worker that this process is. It uses its own inbox and never the settings of the server,
    /// so that the rights of [`super::WorkerPermissions`] suffice.
    pub worker: Option<WorkerId>,
    /// Maximum number of messages in the queues.
    pub max_messages: i64,
    /// Maximum size of the messages in the queues, in bytes.
    pub max_bytes: i64,
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
            files: NatsFiles::default(),
            worker: None,
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
        let mut options = match (self.address.username(), self.address.password()) {
            (None, _) => ConnectOptions::new(),
            (Some(_), _) if self.files.name_user() => return Err(NatsError::UserInAddress),
            (Some(user), Some(password)) => {
                ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
            }
            (Some(token), None) => ConnectOptions::with_token(token.to_owned()),
        };
        if let Some(worker) = &self.worker {
            options = options.custom_inbox_prefix(permissions::inbox(worker));
        }
        let options = self.files.add_to(options)?;
        // Also for the servers of a cluster that this one names, whose addresses have no scheme.
        Ok(options.require_tls(self.files.need_tls() || self.address.tls_required()))
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
