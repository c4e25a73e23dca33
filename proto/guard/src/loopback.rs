//! The check that no web page sent a request to a server on loopback.
//!
//! A browser on this machine reaches such a server as easily as a program does. A page of another
//! site can send requests to it. With a DNS name that first points elsewhere and then to 127.0.0.1
//! ("DNS rebinding"), the page can read the responses too. The browser reveals this: `Host` names
//! the site that the page believes to talk to, and `Origin` and `Sec-Fetch-Site` name the site of
//! the page. (Jackson et al., "Protecting Browsers from DNS Rebinding Attacks", CCS 2007.)

mod authority;

use std::fmt;
use std::str::FromStr;

use authority::{Authority, Name};

use cortex_api::Problem;
use cortex_domain::ErrorCode;

/// The checks of a server on loopback: its port, and the host names that it accepts besides those
/// of loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopbackGuard {
    port: u16,
    allowed: Vec<AllowedHost>,
}

/// A host name that the operator allows, such as `host.docker.internal`. With a port, it is valid
/// for that port only, for example behind a forwarded port. Without one, it is valid for the
/// server's own port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    name: Name,
    port: Option<u16>,
}

/// A text is not a valid host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host as `name`, `name:port`, an IPv4 address, or an IPv6 address in brackets")]
pub struct MalformedHost;

/// A received header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Header<'a> {
    #[default]
    Missing,
    Text(&'a str),
    /// The header is repeated, or is not ASCII.
    Unreadable,
}

/// The headers that say where a request was sent to, and from which page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent<'a> {
    /// The authority of the request's target, if it has one: HTTP/2's `:authority`, or an absolute
    /// URL.
    pub authority: Header<'a>,
    pub host: Header<'a>,
    pub origin: Header<'a>,
    pub sec_fetch_site: Header<'a>,
}

/// Why a request is rejected. It repeats nothing of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoopbackError {
    #[error("missing required header `Host` (expected localhost, 127.0.0.1 or [::1], and port {port})")]
    NoHost { port: u16 },
    #[error(
        "invalid header `Host` (expected localhost, 127.0.0.1 or [::1] and port {port}, or a host \
            that the operator allows)"
    )]
    ForeignHost { port: u16 },
    #[error(
        "invalid header `Origin`: a page of another site sent this request (expected no header, or \
            this server's own address with port {port})"
    )]
    ForeignOrigin { port: u16 },
    #[error(
        "invalid header `Sec-Fetch-Site`: a page of another site sent this request (expected \
            `same-origin`, `none` or no header)"
    )]
    ForeignSite,
}

impl LoopbackGuard {
    #[must_use]
    pub fn new(port: u16, allowed: Vec<AllowedHost>) -> Self {
        Self { port, allowed }
    }

    /// Rejects requests that a page of another site sent or may have sent.
    ///
    /// # Errors
    /// Returns an error if a header says so or is malformed.
    pub fn check(&self, sent: &Sent<'_>) -> Result<(), LoopbackError> {
        self.check_host(sent)?;
        self.check_origin(sent.origin)?;
        check_site(sent.sec_fetch_site)
    }

    /// Rejects requests that were sent to another host.
    ///
    /// # Errors
    /// Returns an error if the request names no host or another one.
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

    /// Rejects requests of pages of other origins.
    ///
    /// # Errors
    /// Returns an error if the origin is another one or hidden (`null`).
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

/// Rejects requests that a browser marks as coming from another site.
///
/// # Errors
/// Returns an error if the header says so or is malformed.
pub fn check_site(sec_fetch_site: Header<'_>) -> Result<(), LoopbackError> {
    match sec_fetch_site {
        Header::Missing | Header::Text("same-origin" | "none") => Ok(()),
        Header::Text(_) | Header::Unreadable => Err(LoopbackError::ForeignSite),
    }
}

impl<'a> Header<'a> {
    /// Returns a header from all of its values.
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
