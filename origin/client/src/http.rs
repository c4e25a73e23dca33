//! Addresses of APIs, and the HTTP client for one address.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::CallError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Parses the address of an API, which is an `http` or `https` URL.
pub(crate) fn parse_base(text: &str) -> Result<Url, CallError> {
    let url =
        text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| CallError::InvalidAddress {
        text: text.to_owned(),
        reason: "expected http://HOST:PORT or https://HOST".to_owned(),
    })
}

/// Builds a client that sends the key only to `base`: it follows no redirects, and uses no proxy
/// for loopback.
pub(crate) fn client(base: &Url) -> Result<Client, CallError> {
    let mut builder = Client::builder()
        .user_agent(concat!("cortex/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none());
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| CallError::unreachable(base, &error))
}

/// Returns the URL of `path` under `base`, which may itself have a path.
pub(crate) fn endpoint(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_addresses_name_an_api() {
        for bad in ["", "127.0.0.1:8787", "file:///etc/passwd", "localhost:8787", "http://"] {
            assert!(parse_base(bad).is_err(), "{bad:?}");
        }
        assert!(parse_base("https://edge.example").is_ok());
    }

    #[test]
    fn paths_go_below_the_base() {
        for (given, expected) in [
            ("http://a:1", "http://a:1/api/v1/jobs"),
            ("http://a:1/", "http://a:1/api/v1/jobs"),
            ("http://a/b/?q#f", "http://a/b/api/v1/jobs"),
        ] {
            assert_eq!(endpoint(&parse_base(given).unwrap(), &["api", "v1", "jobs"]).as_str(), expected);
        }
    }

    #[test]
    fn loopback_is_recognised_by_name_and_address() {
        for (text, loopback) in [
            ("http://localhost:1", true),
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&parse_base(text).unwrap()), loopback, "{text}");
        }
    }
}
