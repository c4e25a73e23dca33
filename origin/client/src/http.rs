//! Addresses, and the HTTP client for one.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::CallError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Reads an address; only `http` and `https` name an API.
pub(crate) fn base(text: &str) -> Result<Url, CallError> {
    let wrong = |why: String| CallError::Address { text: text.to_owned(), why };
    let url: Url = text.parse().map_err(|error| wrong(format!("{error}")))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(wrong("write it as http://HOST:PORT or https://HOST".into()))
    }
}

/// A client that carries the key nowhere but to `base`: it follows no redirects, and loopback needs no proxy.
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

/// The address of `path` below a base, which may have a path itself.
pub(crate) fn below(base: &Url, path: &[&str]) -> Url {
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
            assert!(base(bad).is_err(), "{bad:?}");
        }
        assert!(base("https://edge.example").is_ok());
    }

    #[test]
    fn paths_go_below_the_base() {
        for (given, expected) in [
            ("http://a:1", "http://a:1/api/v1/jobs"),
            ("http://a:1/", "http://a:1/api/v1/jobs"),
            ("http://a/b/?q#f", "http://a/b/api/v1/jobs"),
        ] {
            assert_eq!(below(&base(given).unwrap(), &["api", "v1", "jobs"]).as_str(), expected);
        }
    }

    #[test]
    fn loopback_is_known_by_name_and_number() {
        for (text, loopback) in [
            ("http://localhost:1", true),
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&base(text).unwrap()), loopback, "{text}");
        }
    }
}
