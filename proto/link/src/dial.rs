//! Opens connections to the origin.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cortex_platform::write_timeout::WriteTimeout;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, CertificateError};
use tonic::transport::{Channel, Endpoint};

use super::connection::Stream;
use super::limits::{KEEPALIVE_INTERVAL, STREAM_WINDOW};
use super::tls;
use super::{Fingerprint, Route, TcpAddress};

/// The longest time for opening a connection, including its TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The name in the TLS handshake. The certificate is identified by its fingerprint, not by this
/// name.
const SERVER_NAME: &str = "cortex-link";

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("the connection timed out after {CONNECT_TIMEOUT:?}")]
    Timeout,
    #[error("the connection failed: {0}")]
    Connect(#[from] io::Error),
    #[error("the TLS handshake failed: {0}")]
    Tls(#[from] rustls::Error),
    /// Another server responded, or the origin has a new certificate.
    #[error("the origin's certificate does not match the configured fingerprint")]
    WrongCertificate,
    #[error("the HTTP/2 handshake failed: {0}")]
    Http(#[from] tonic::transport::Error),
}

/// Opens one connection.
pub(super) async fn dial(route: &Route) -> Result<Channel, DialError> {
    let stream = timeout(CONNECT_TIMEOUT, connect(route)).await.map_err(|_| DialError::Timeout)??;
    let once = Mutex::new(Some(WriteTimeout::new(stream)));
    let connector = tower::service_fn(move |_| {
        let stream = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The owner of the link reconnects after a loss.
        async { stream.map(TokioIo::new).ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    let endpoint = Endpoint::from_static("http://cortex-link")
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(2 * STREAM_WINDOW)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_while_idle(true);
    Ok(endpoint.connect_with_connector(connector).await?)
}

async fn connect(route: &Route) -> Result<Box<dyn Stream>, DialError> {
    match route {
        Route::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        Route::Tcp(address, fingerprint) => secure(address, *fingerprint).await,
    }
}

async fn secure(address: &TcpAddress, fingerprint: Fingerprint) -> Result<Box<dyn Stream>, DialError> {
    let connector = tls::connector(fingerprint)?;
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(SERVER_NAME).expect("it is a name");
    let stream = connector.connect(name, stream).await.map_err(|error| {
        if is_wrong_certificate(&error) { DialError::WrongCertificate } else { error.into() }
    })?;
    Ok(Box::new(stream))
}

fn is_wrong_certificate(error: &io::Error) -> bool {
    let wrong = rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) == Some(&wrong)
}
