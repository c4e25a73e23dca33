//! The address of a link, and the route of a worker to it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use cortex_domain::id::ParseError;

use crate::tls::Fingerprint;

/// A link's address: `unix:/path`, for workers on the same machine, or `tcp:host:port`, which is
/// always TLS.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum LinkAddress {
    Unix(PathBuf),
    Tcp(TcpAddress),
}

/// A host name or address, and a port. Listening on port 0 takes a free port.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TcpAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The route of a worker to the origin.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Route {
    Unix(PathBuf),
    /// TLS, with a certificate that has this fingerprint.
    Tcp(TcpAddress, Fingerprint),
}

/// A TCP address requires a certificate fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a link over TCP requires the origin's certificate or its fingerprint")]
pub struct MissingCertificate;

impl LinkAddress {
    /// The longest path of a socket, in bytes, which all systems support.
    pub const MAX_PATH: usize = 103;
    /// The longest host name (RFC 1035).
    const MAX_HOST: usize = 253;

    /// Returns the route to this address. Over TCP the certificate must have the fingerprint.
    ///
    /// # Errors
    /// Returns an error for a TCP address without a fingerprint.
    pub fn route(self, fingerprint: Option<Fingerprint>) -> Result<Route, MissingCertificate> {
        match (self, fingerprint) {
            (Self::Unix(path), _) => Ok(Route::Unix(path)),
            (Self::Tcp(address), Some(fingerprint)) => Ok(Route::Tcp(address, fingerprint)),
            (Self::Tcp(_), None) => Err(MissingCertificate),
        }
    }
}

impl FromStr for LinkAddress {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |reason| ParseError { what: "link address", reason };
        if let Some(path) = text.strip_prefix("unix:") {
            if path.len() > Self::MAX_PATH {
                return Err(wrong("the path of a socket must have at most 103 bytes"));
            }
            if !path.starts_with('/') {
                return Err(wrong("the path of a socket must start with `/`"));
            }
            return Ok(Self::Unix(path.into()));
        }
        let address = text.strip_prefix("tcp:").and_then(|address| address.parse().ok());
        address.map(Self::Tcp).ok_or_else(|| wrong("expected `unix:/path` or `tcp:host:port`"))
    }
}

impl FromStr for TcpAddress {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError { what: "TCP address", reason: "expected `host:port`" };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let (inner, in_brackets) = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(host) => (host, true),
            None => (host, false),
        };
        let sound = if in_brackets {
            inner.parse::<std::net::Ipv6Addr>().is_ok()
        } else {
            let named = inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
            !inner.is_empty() && inner.len() <= LinkAddress::MAX_HOST && named
        };
        let port = port.parse().map_err(|_| wrong())?;
        if sound { Ok(Self { host: inner.to_owned(), port }) } else { Err(wrong()) }
    }
}

impl fmt::Display for TcpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl From<std::net::SocketAddr> for TcpAddress {
    fn from(address: std::net::SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for LinkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address, _) => write!(f, "tcp:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back() {
        for good in ["unix:/run/cortex/link", "tcp:127.0.0.1:0", "tcp:[::1]:50053", "tcp:origin.lan:50053"] {
            assert_eq!(good.parse::<LinkAddress>().unwrap().to_string(), good);
        }
        let long = format!("unix:/{}", "x".repeat(103));
        for bad in [
            "",
            "unix:",
            "unix:run/link",
            "tcp:",
            "tcp::1",
            "tcp:host",
            "tcp:host:x",
            "tcp:::1:1",
            "tcp:[x]:1",
            "tcp:a b:1",
            "http:a:1",
            &long,
        ] {
            assert!(bad.parse::<LinkAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_link_over_tcp_needs_a_fingerprint() {
        let [unix, tcp] = ["unix:/l", "tcp:a:1"].map(|text| text.parse::<LinkAddress>().unwrap());
        assert!(unix.route(None).is_ok());
        assert_eq!(tcp.clone().route(None), Err(MissingCertificate));
        assert!(tcp.route(Some(Fingerprint::of(b"a certificate"))).is_ok());
    }
}
