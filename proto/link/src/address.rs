//! Where the link is.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use cortex_domain::id::InvalidId;

/// A link's address on this machine: `unix:/path` or `tcp:127.0.0.1:port`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum LinkAddress {
    Unix(PathBuf),
    /// A loopback address. With port 0, whichever port is free.
    Tcp(SocketAddr),
}

impl LinkAddress {
    /// The longest path of a socket, in bytes: what fits on every system.
    pub const MAX_PATH: usize = 103;
}

impl FromStr for LinkAddress {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let wrong = |reason| InvalidId { what: "link address", reason };
        if let Some(path) = text.strip_prefix("unix:") {
            if path.len() > Self::MAX_PATH {
                return Err(wrong("a socket's path has at most 103 bytes"));
            }
            if !path.starts_with('/') {
                return Err(wrong("a socket's path starts with `/`"));
            }
            return Ok(Self::Unix(path.into()));
        }
        let address = text.strip_prefix("tcp:").and_then(|address| address.parse::<SocketAddr>().ok());
        match address {
            Some(address) if address.ip().is_loopback() => Ok(Self::Tcp(address)),
            Some(_) => Err(wrong("it is on loopback")),
            None => Err(wrong("it reads `unix:/path` or `tcp:127.0.0.1:port`")),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_and_nothing_beyond_loopback_reads() {
        for good in ["unix:/run/cortex/link", "tcp:127.0.0.1:0", "tcp:[::1]:50053"] {
            assert_eq!(good.parse::<LinkAddress>().unwrap().to_string(), good);
        }
        let long = format!("unix:/{}", "x".repeat(103));
        for bad in ["", "unix:", "unix:run/link", "tcp:0.0.0.0:1", "tcp:10.0.0.1:1", "tcp:localhost:1", &long]
        {
            assert!(bad.parse::<LinkAddress>().is_err(), "{bad}");
        }
    }
}
