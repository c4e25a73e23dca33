//! The socket that workers connect to, and who may.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::LinkAddress;

/// Why a link can't be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("can't listen on {address}: {source}")]
    Failed { address: LinkAddress, source: io::Error },
    #[error("can't listen on {0}: another process does")]
    InUse(LinkAddress),
    /// Others could reach the socket, or put their own in its place.
    #[error("{}: other users may enter this folder; make it private with `chmod 700`", .0.display())]
    Open(PathBuf),
}

/// A bound socket. Dropping it removes a Unix socket's file.
#[derive(Debug)]
pub struct Listener {
    address: LinkAddress,
    pub(super) socket: Socket,
}

#[derive(Debug)]
pub(super) enum Socket {
    Unix(UnixListener, SocketFile),
    Tcp(TcpListener),
}

impl Listener {
    /// Binds the address. The folder of a Unix socket is made if it is missing, for its owner alone.
    ///
    /// # Errors
    /// If the address is taken, or its folder is open to others.
    pub async fn bind(address: &LinkAddress) -> Result<Self, BindError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address.clone()),
            _ => BindError::Failed { address: address.clone(), source },
        };
        match address {
            LinkAddress::Tcp(wanted) => {
                let socket = TcpListener::bind(wanted).await.map_err(failed)?;
                let address = LinkAddress::Tcp(socket.local_addr().map_err(failed)?);
                Ok(Self { address, socket: Socket::Tcp(socket) })
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
                Ok(Self { address: address.clone(), socket: Socket::Unix(socket, file) })
            }
        }
    }

    /// The address, with the port that was given for port 0.
    #[must_use]
    pub fn address(&self) -> &LinkAddress {
        &self.address
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes a socket that a process left behind; one that answers is in use.
async fn clear(path: &Path) -> io::Result<()> {
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

/// Removed when the listener goes.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "the link's socket was gone already");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket_in(folder: &Path) -> LinkAddress {
        LinkAddress::Unix(folder.join("run/link"))
    }

    #[tokio::test]
    async fn only_the_owner_may_enter() {
        let home = tempfile::tempdir().unwrap();
        let listener = Listener::bind(&socket_in(home.path())).await.unwrap();
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
        let refused = Listener::bind(&socket_in(home.path())).await.unwrap_err();
        assert!(matches!(refused, BindError::Open(_)), "{refused}");
    }

    #[tokio::test]
    async fn a_socket_in_use_is_refused_and_one_left_behind_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let address = socket_in(home.path());
        let listener = Listener::bind(&address).await.unwrap();
        assert!(matches!(Listener::bind(&address).await, Err(BindError::InUse(_))));

        let Socket::Unix(socket, file) = listener.socket else { panic!("a Unix socket") };
        drop(socket);
        std::mem::forget(file);
        assert!(home.path().join("run/link").exists());
        Listener::bind(&address).await.unwrap();
    }

    #[tokio::test]
    async fn a_free_port_is_given_for_port_0() {
        let listener = Listener::bind(&"tcp:127.0.0.1:0".parse().unwrap()).await.unwrap();
        assert_ne!(listener.address().to_string(), "tcp:127.0.0.1:0");
        assert!(matches!(Listener::bind(listener.address()).await, Err(BindError::InUse(_))));
    }
}
