//! Ports of the loopback address that stay a server's own while it is killed and started again.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// The ports that the kernel gives to no outgoing connection.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// A port that no other server of a test has.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    /// Holds the number: the servers use TCP alone.
    _claim: UdpSocket,
}

impl Port {
    /// # Panics
    /// Panics if every port is in use.
    pub(crate) fn claim() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Processes begin at different ports, so that most claims succeed at once.
        let first = (std::process::id() % u32::from(COUNT)) as u16;
        (0..COUNT)
            .find_map(|_| {
                let next = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
                let number = FIRST + (first.wrapping_mul(17) % COUNT + next) % COUNT;
                let claim = UdpSocket::bind(("127.0.0.1", number)).ok()?;
                TcpListener::bind(("127.0.0.1", number)).ok()?;
                Some(Self { number, _claim: claim })
            })
            .expect("a free port")
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// Returns whether a server listens on the port.
    pub(crate) fn accepts(&self) -> bool {
        let address = SocketAddr::from(([127, 0, 0, 1], self.number));
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
    }
}
