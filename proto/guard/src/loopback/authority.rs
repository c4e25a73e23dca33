//! Hosts with ports, as in `Host` and `Origin`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The longest name in DNS.
const MAX_NAME: usize = 253;

/// A host and an optional port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) name: Name,
    pub(super) port: Option<u16>,
}

/// A host: an address, or a name in lower case without a final dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Address(IpAddr),
    Dns(String),
}

impl Authority {
    /// Parses `host` or `host:port`. A user, a path or another notation of an address is an error.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                (Name::of_address(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)), port)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                (Name::parse(&text[..end])?, &text[end..])
            }
        };
        let port = match port.strip_prefix(':') {
            None => port.is_empty().then_some(None)?,
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { name, port })
    }

    /// Parses an origin: a scheme and an authority. The port defaults to that of the scheme.
    pub(super) fn of_origin(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let usual = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let Self { name, port } = Self::parse(authority)?;
        Some(Self { name, port: Some(port.unwrap_or(usual)) })
    }
}

impl Name {
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            Self::Dns(name) => name == "localhost",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return address.is_ipv4().then(|| Self::of_address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_name = !name.is_empty()
            && name.len() <= MAX_NAME
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        is_name.then(|| Self::Dns(name.to_ascii_lowercase()))
    }

    /// Maps every notation of an IPv4 address to the same value.
    fn of_address(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Dns(name) => name.fmt(f),
        }
    }
}
