//! Checks every request before its route is found. A request must be readable in only one way. On
//! loopback, no page of another site may send one.

use std::net::SocketAddr;
use std::sync::Arc;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_guard::loopback::{AllowedHost, Header, LoopbackGuard, Sent};
use http::header::{self, HeaderName};
use http::{HeaderMap, Request, Uri};

use super::admit::is_signed;

/// Returns the check for an address. `None` for an address outside loopback, which accepts signed
/// requests only.
pub(crate) fn loopback_guard(address: SocketAddr, allowed: Vec<AllowedHost>) -> Option<Arc<LoopbackGuard>> {
    address.ip().is_loopback().then(|| Arc::new(LoopbackGuard::new(address.port(), allowed)))
}

/// Rejects requests that no route may see.
pub(crate) fn check_request<B>(guard: Option<&LoopbackGuard>, request: &Request<B>) -> Result<(), Problem> {
    if let Some(fault) = cortex_http1::fault(request.headers()) {
        return Err(Problem::new(ErrorCode::InvalidRequest, fault));
    }
    match guard {
        // A request that the edge signed arrives with the tunnel's host name. The routes check the
        // signature.
        Some(guard) if !is_signed(request.headers()) => {
            Ok(guard.check(&sent(request.uri(), request.headers()))?)
        }
        _ => Ok(()),
    }
}

/// Returns the headers that say where a request was sent to, and from which page.
pub(crate) fn sent<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Sent<'a> {
    let header = |name: HeaderName| Header::of(headers.get_all(name).iter().map(|value| value.as_bytes()));
    Sent {
        authority: uri.authority().map_or(Header::Missing, |named| Header::Text(named.as_str())),
        host: header(header::HOST),
        origin: header(header::ORIGIN),
        sec_fetch_site: header(HeaderName::from_static("sec-fetch-site")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(headers: &[(&str, &str)], address: &str) -> Option<ErrorCode> {
        let mut request = http::Request::get("/v1/models");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let guard = loopback_guard(address.parse().unwrap(), vec!["host.docker.internal".parse().unwrap()]);
        check_request(guard.as_deref(), &request).err().map(|problem| problem.kind)
    }

    #[test]
    fn a_page_of_another_site_is_refused_on_loopback() {
        let here = "127.0.0.1:8080";
        let host = ("host", here);
        for good in [
            &[host][..],
            &[("host", "localhost:8080")],
            &[("host", "host.docker.internal")],
            &[("host", "tunnel.example"), ("cortex-signature", "00")],
        ] {
            assert_eq!(refused(good, here), None, "{good:?}");
        }
        for bad in [
            &[][..],
            &[("host", "rebound.example:8080")],
            &[("host", "127.0.0.1:1")],
            &[host, ("origin", "https://evil.example")],
            &[host, ("origin", "null")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("host", "localhost:8080")],
        ] {
            assert_eq!(refused(bad, here), Some(ErrorCode::Denied), "{bad:?}");
        }
        assert_eq!(refused(&[("host", "origin.example")], "10.0.0.1:8080"), None);
    }

    #[test]
    fn a_replaced_head_is_rejected_even_if_it_is_signed() {
        let fault = ("cortex-framing", "both are there");
        for headers in [&[("host", "localhost"), fault][..], &[fault, ("cortex-signature", "00")]] {
            assert_eq!(refused(headers, "127.0.0.1:80"), Some(ErrorCode::InvalidRequest));
        }
    }
}
