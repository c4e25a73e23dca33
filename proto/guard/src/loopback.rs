//! What a door on loopback asks of a request before anything else: that no web page sent it.
//!
//! A browser on this machine reaches such a door as easily as a program does. A page of another site can send to it, and
//! with a DNS name that first points elsewhere and then to 127.0.0.1 ("DNS rebinding") it can read the answers too. The
//! browser says so itself: `Host` names the site that the page believes to talk to, `Origin` and `Sec-Fetch-Site` say
//! whose page it is. (Jackson et al., "Protecting Browsers from DNS Rebinding Attacks", CCS 2007.)

mod authority;

use std::fmt;
use std::str::FromStr;

use authority::{Authority, Name};

use cortex_api::Problem;
use cortex_domain::ErrorCode;

/// A door on loopback: its port, and the hosts beside loopback's own that callers may know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopbackGuard {
    port: u16,
    allowed: Vec<AllowedHost>,
}

/// A host that the operator lets callers name, such as `host.docker.internal`. With a port it stands for that port
/// alone, as behind a forwarded one; without one for the door's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    name: Name,
    port: Option<u16>,
}

/// A text is no host that can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a host reads `name`, `name:port`, an IPv4 address, or an IPv6 address in brackets")]
pub struct MalformedHost;

/// A header as it arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Header<'a> {
    #[default]
    Missing,
    Text(&'a str),
    /// It came twice, or is no ASCII text.
    Unreadable,
}

/// What a request says of where it was sent to and by whose page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent<'a> {
    /// The authority of the request's target, where that has one: HTTP/2's `:authority`, or an absolute URL.
    pub authority: Header<'a>,
    pub host: Header<'a>,
    pub origin: Header<'a>,
    pub sec_fetch_site: Header<'a>,
}

/// Why a request is refused. It repeats nothing of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoopbackError {
    #[error("missing required header `Host` (expected localhost, 127.0.0.1 or [::1], and port {port})")]
    NoHost { port: u16 },
    #[error(
        "`Host` is not a name of this door (expected localhost, 127.0.0.1 or [::1] and port {port}, or a host that \
         the operator allows)"
    )]
    ForeignHost { port: u16 },
    #[error(
        "`Origin` is a page of another site (expected none, or this door's own address with port {port})"
    )]
    ForeignOrigin { port: u16 },
    #[error(
        "`Sec-Fetch-Site` says that another site's page sent this (expected `same-origin`, `none` or no header)"
    )]
    ForeignSite,
}

impl LoopbackGuard {
    #[must_use]
    pub fn new(port: u16, allowed: Vec<AllowedHost>) -> Self {
        Self { port, allowed }
    }

    /// Refuses what a page of another site sent, or may have sent.
    ///
    /// # Errors
    /// If a header says so, or can't be understood.
    pub fn check(&self, sent: &Sent<'_>) -> Result<(), LoopbackError> {
        self.check_host(sent)?;
        self.check_origin(sent.origin)?;
        check_site(sent.sec_fetch_site)
    }

    /// Refuses a request that was sent to another name than this door's.
    ///
    /// # Errors
    /// If the request names no host, or another one.
    pub fn check_host(&self, sent: &Sent<'_>) -> Result<(), LoopbackError> {
        let named = [sent.authority, sent.host];
        if named == [Header::Missing; 2] {
            return Err(LoopbackError::NoHost { port: self.port });
        }
        let is_own = |header: Header<'_>| match header {
            Header::Missing => true,
            Header::Text(text) => Authority::parse(text).is_some_and(|named| self.answers_to(&named)),
            Header::Unreadable => false,
        };
        if named.into_iter().all(is_own) {
            Ok(())
        } else {
            Err(LoopbackError::ForeignHost { port: self.port })
        }
    }

    /// Refuses a page's request, unless the page came from this door.
    ///
    /// # Errors
    /// If the origin is another, or hidden (`null`).
    pub fn check_origin(&self, origin: Header<'_>) -> Result<(), LoopbackError> {
        let is_own = match origin {
            Header::Missing => true,
            Header::Text(text) => Authority::of_origin(text).is_some_and(|own| self.answers_to(&own)),
            Header::Unreadable => false,
        };
        if is_own { Ok(()) } else { Err(LoopbackError::ForeignOrigin { port: self.port }) }
    }

    fn answers_to(&self, named: &Authority) -> bool {
        let own_port = named.port.is_none_or(|port| port == self.port);
        let is_allowed = |allowed: &AllowedHost| {
            allowed.name == named.name && allowed.port.map_or(own_port, |port| named.port == Some(port))
        };
        (own_port && named.name.is_loopback()) || self.allowed.iter().any(is_allowed)
    }
}

/// Refuses what a browser says to come from another site.
///
/// # Errors
/// If it says so, or says something else that can't be understood.
pub fn check_site(sec_fetch_site: Header<'_>) -> Result<(), LoopbackError> {
    match sec_fetch_site {
        Header::Missing | Header::Text("same-origin" | "none") => Ok(()),
        Header::Text(_) | Header::Unreadable => Err(LoopbackError::ForeignSite),
    }
}

impl<'a> Header<'a> {
    /// A header from its values, however often it came.
    pub fn of(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Missing,
            (Some(value), None) if value.is_ascii() => {
                std::str::from_utf8(value).map_or(Self::Unreadable, Self::Text)
            }
            _ => Self::Unreadable,
        }
    }
}

impl From<LoopbackError> for Problem {
    fn from(refusal: LoopbackError) -> Self {
        Self::new(ErrorCode::Denied, refusal.to_string())
    }
}

impl FromStr for AllowedHost {
    type Err = MalformedHost;

    fn from_str(text: &str) -> Result<Self, MalformedHost> {
        let Authority { name, port } = Authority::parse(text).ok_or(MalformedHost)?;
        Ok(Self { name, port })
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => self.name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
