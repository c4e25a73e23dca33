//! Why the bus on a NATS server can't be used.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use async_nats::{ConnectError, ConnectErrorKind, rustls};

/// The bus on a NATS server can't be used.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    #[error("the address of the NATS server is invalid (expected nats://host:port or tls://host:port)")]
    Address,
    #[error("the file with the {what} for NATS does not exist")]
    NoFile { what: &'static str },
    #[error("the file {} with the {what} for NATS can't be used: {reason}", .path.display())]
    File { what: &'static str, path: PathBuf, reason: String },
    #[error("both an nkey and credentials for NATS are given (expected one of them)")]
    TwoUsers,
    #[error("the address of the NATS server names a user, and so does a file (expected one of them)")]
    UserInAddress,
    #[error("a client certificate for NATS needs its key, and a key its certificate (expected both files)")]
    HalfCertificate,
    #[error("the certificate of the NATS server {server} is not trusted: {cause}")]
    Certificate { server: String, cause: String },
    #[error("the NATS server {server} offers no TLS")]
    NoTls { server: String },
    #[error("the NATS server {server} refuses the TLS connection: {cause}")]
    ClientCertificate { server: String, cause: String },
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
    /// Returns why a connection to `server` failed.
    pub(super) fn of_connection(server: &str, error: &ConnectError) -> Self {
        let (server, cause) = (server.to_owned(), error.to_string());
        if let ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation = error.kind() {
            return Self::Unauthorised { server };
        }
        match tls_error(error) {
            Some(rustls::Error::InvalidCertificate(cause)) => {
                Self::Certificate { server, cause: cause.to_string() }
            }
            Some(error @ rustls::Error::AlertReceived(_)) => {
                Self::ClientCertificate { server, cause: error.to_string() }
            }
            // The other side does not speak TLS.
            Some(rustls::Error::InvalidMessage(_)) => Self::NoTls { server },
            _ => Self::Unreachable { server, cause },
        }
    }

    /// Returns whether the cause is in the configuration, so that another start with it fails too.
    #[must_use]
    pub fn is_of_the_configuration(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }
}

/// Returns the error of TLS that caused another one. An I/O error does not name its own content as
/// its source.
fn tls_error(error: &ConnectError) -> Option<&rustls::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &dyn Error),
            None => error.source(),
        };
    }
    None
}
