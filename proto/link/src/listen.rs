//! The socket for workers, and the rules for who may connect.

use std::fmt;
use std::fs::{self, DirBuilder, Permissions};
use std::future::{poll_fn, ready};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cortex_platform::log_limit::LogLimit;
use futures::{Stream, StreamExt, stream};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::admission::ConnectionEnd;
use super::connection::Connection;
use super::connections::{Connections, Entry, MAX_UNADMITTED, Source};
use super::tls::{Identity, IdentityError};
use super::{LinkAddress, Route, TcpAddress};

/// The longest time for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long further failures are not logged after one.
const LOG_INTERVAL: Duration = Duration::from_secs(1);
/// How long to wait after a failed accept, usually because of a lack of file descriptors.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(50);
/// Maximum number of workers that are connected to one listener.
const MAX_CONNECTIONS: usize = 1024;

/// Why a listener could not be started.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("can't listen on {address}: {cause}")]
    Failed { address: LinkAddress, cause: io::Error },
    #[error("can't listen on {0}: another process already listens there")]
    InUse(LinkAddress),
    /// Other users could reach the socket or replace it.
    #[error("{}: other users can enter this folder: make it private with `chmod 700`", .0.display())]
    Open(PathBuf),
    #[error("can't listen on {address}: {cause}")]
    Identity { address: LinkAddress, cause: IdentityError },
}

/// A bound socket. Dropping it removes the file of a Unix socket.
pub struct Listener {
    address: LinkAddress,
    route: Route,
    pub(super) socket: Socket,
}

pub(super) enum Socket {
    Unix { socket: UnixListener, _file: SocketFile },
    Tls(TcpListener, TlsAcceptor),
}

impl Socket {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Unix { socket, .. } => socket.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
            Self::Tls(socket, acceptor) => {
                let (stream, peer) = socket.accept().await?;
                Ok(Accepted::Tcp { stream, peer, acceptor: acceptor.clone() })
            }
        }
    }
}

impl Listener {
    /// Binds the address. Over TCP the origin shows its identity. The folder of a Unix socket is
    /// created for its owner alone if it is missing.
    ///
    /// # Errors
    /// Returns an error if the address is in use, its folder is open to others, or the identity is
    /// invalid.
    pub async fn bind(address: &LinkAddress, identity: &Identity) -> Result<Self, BindError> {
        let failed = |cause: io::Error| match cause.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address.clone()),
            _ => BindError::Failed { address: address.clone(), cause },
        };
        match address {
            LinkAddress::Tcp(TcpAddress { host, port }) => {
                let acceptor = identity.acceptor();
                let acceptor =
                    acceptor.map_err(|cause| BindError::Identity { address: address.clone(), cause })?;
                let socket = TcpListener::bind((host.as_str(), *port)).await.map_err(failed)?;
                let bound = TcpAddress::from(socket.local_addr().map_err(failed)?);
                let route = Route::Tcp(bound.clone(), identity.fingerprint());
                Ok(Self { address: LinkAddress::Tcp(bound), route, socket: Socket::Tls(socket, acceptor) })
            }
            LinkAddress::Unix(path) => {
                if let Some(folder) = path.parent() {
                    make_private(folder).map_err(failed)?;
                    if fs::metadata(folder).map_err(failed)?.permissions().mode() & 0o077 != 0 {
                        return Err(BindError::Open(folder.into()));
                    }
                }
                clear(path).await.map_err(failed)?;
                let socket = UnixListener::bind(path).map_err(failed)?;
                let file = SocketFile(path.clone());
                fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
                let route = Route::Unix(path.clone());
                Ok(Self { address: address.clone(), route, socket: Socket::Unix { socket, _file: file } })
            }
        }
    }

    /// Returns the address, with the actual port if it was 0.
    #[must_use]
    pub fn address(&self) -> &LinkAddress {
        &self.address
    }

    /// Returns how a worker reaches this listener.
    #[must_use]
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Accepts a limited number of connections. Further ones wait in the system's queue. Handshakes
    /// run concurrently, and one that fails or takes too long is dropped.
    pub(super) fn incoming(self, connections: Connections) -> impl Stream<Item = io::Result<Connection>> {
        let acceptor =
            Acceptor { socket: self.socket, connections, places: Arc::new(Semaphore::new(MAX_CONNECTIONS)) };
        let accepted =
            stream::unfold(acceptor, |acceptor| async move { Some((acceptor.accept().await?, acceptor)) });
        // One more than may wait, so that the next connection is accepted and ends another.
        let opened = accepted.map(Opening::open).buffer_unordered(MAX_UNADMITTED + 1);
        opened.filter_map(|open| ready(open.map(Ok)))
    }
}

/// A socket and the slots for connections.
struct Acceptor {
    socket: Socket,
    connections: Connections,
    places: Arc<Semaphore>,
}

/// An accepted stream.
enum Accepted {
    Unix(UnixStream),
    Tcp { stream: TcpStream, peer: SocketAddr, acceptor: TlsAcceptor },
}

impl Accepted {
    fn source(&self) -> Source {
        match self {
            Self::Unix(_) => Source::Local,
            Self::Tcp { peer, .. } => Source::of(peer.ip()),
        }
    }
}

/// A new connection.
struct Opening {
    accepted: Accepted,
    end: ConnectionEnd,
    entry: Entry,
    place: OwnedSemaphorePermit,
}

impl Acceptor {
    async fn accept(&self) -> Option<Opening> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let accepted = loop {
            match self.socket.accept().await {
                Ok(accepted) => break accepted,
                Err(error) => {
                    tracing::warn!(%error, "a worker's connection could not be accepted");
                    tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
                }
            }
        };
        let (admission, entry) = self.connections.enter(accepted.source());
        Some(Opening { accepted, end: ConnectionEnd::of(admission), entry, place })
    }
}

impl Opening {
    async fn open(self) -> Option<Connection> {
        let Self { accepted, mut end, entry, place } = self;
        match accepted {
            Accepted::Unix(stream) => Some(Connection::new(stream, end, entry, place)),
            Accepted::Tcp { stream, peer, acceptor } => {
                let stream = tokio::select! {
                    stream = handshake(stream, peer, &acceptor) => stream?,
                    _ = poll_fn(|cx| end.poll(cx)) => return None,
                };
                Some(Connection::new(stream, end, entry, place))
            }
        }
    }
}

async fn handshake(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: &TlsAcceptor,
) -> Option<TlsStream<TcpStream>> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was not set");
    }
    static FAILURES: LogLimit = LogLimit::new(LOG_INTERVAL);
    let error = match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => error,
        Err(late) => late.into(),
    };
    if let Some(left_out) = FAILURES.pass(Instant::now()) {
        tracing::debug!(%peer, %error, left_out, "a TLS handshake on the workers' link failed");
    }
    None
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes a socket that an earlier process left behind. A socket that answers is in use.
async fn clear(path: &Path) -> io::Result<()> {
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

/// The file of a socket, which is removed when this is dropped.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "the link's socket was already removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn bind(address: &LinkAddress) -> Result<Listener, BindError> {
        Listener::bind(address, &Identity::generate().unwrap()).await
    }

    fn socket_in(folder: &Path) -> LinkAddress {
        LinkAddress::Unix(folder.join("run/link"))
    }

    #[tokio::test]
    async fn only_the_owner_may_enter() {
        let home = tempfile::tempdir().unwrap();
        let listener = bind(&socket_in(home.path())).await.unwrap();
        let mode = |path: &str| fs::metadata(home.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("run"), mode("run/link")), (0o700, 0o600));
        drop(listener);
        assert!(!home.path().join("run/link").exists());
    }

    #[tokio::test]
    async fn a_folder_open_to_others_is_refused() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("run")).unwrap();
        fs::set_permissions(home.path().join("run"), Permissions::from_mode(0o755)).unwrap();
        let refused = bind(&socket_in(home.path())).await.unwrap_err();
        assert!(matches!(refused, BindError::Open(_)), "{refused}");
    }

    #[tokio::test]
    async fn a_socket_in_use_is_refused_and_one_left_behind_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let address = socket_in(home.path());
        let listener = bind(&address).await.unwrap();
        assert!(matches!(bind(&address).await, Err(BindError::InUse(_))));

        let Socket::Unix { socket, _file: file } = listener.socket else { panic!("a Unix socket") };
        drop(socket);
        std::mem::forget(file);
        assert!(home.path().join("run/link").exists());
        bind(&address).await.unwrap();
    }

    #[tokio::test]
    async fn a_free_port_is_given_for_port_0() {
        let listener = bind(&"tcp:127.0.0.1:0".parse().unwrap()).await.unwrap();
        assert_ne!(listener.address().to_string(), "tcp:127.0.0.1:0");
        assert!(matches!(bind(listener.address()).await, Err(BindError::InUse(_))));
    }
}
