//! Which web pages may read the responses (the CORS protocol of the Fetch standard). Only listed
//! origins may. Keys travel in `Authorization`, and cookies are never used, so credentials are not
//! allowed.

use std::fmt;
use std::str::FromStr;

/// How long a browser may cache the response to a preflight, in seconds.
const MAX_AGE: &str = "600";
/// The response headers that a page may read, in addition to those of the standard.
const EXPOSED_HEADERS: &str =
    "allow, cortex-job-id, location, preference-applied, retry-after, traceparent, www-authenticate";
/// Maximum number of bytes of header names in a preflight.
const MAX_ASKED: usize = 2048;

/// Why a list of origins is invalid. It repeats the entry, which is not secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidOrigins {
    #[error("`*` would allow every web page: list exact origins")]
    Wildcard,
    #[error(
        "invalid origin `{0}` (expected scheme://host or scheme://host:port in lower case, as \
            browsers send it)"
    )]
    Form(String),
}

/// The origins with pages that may call. An empty list allows none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origins(Vec<String>);

/// The method and headers of a preflight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preflight<'a> {
    pub method: &'a str,
    /// Header names that are separated by commas.
    pub headers: &'a str,
}

/// The headers of a response.
pub type Headers = Vec<(&'static str, String)>;

impl FromStr for Origins {
    type Err = InvalidOrigins;

    /// Parses origins that are separated by commas.
    fn from_str(text: &str) -> Result<Self, InvalidOrigins> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(origin).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

impl Origins {
    /// Returns the headers of every response. `origin` is the request's `Origin`.
    #[must_use]
    pub fn headers(&self, origin: Option<&str>) -> Headers {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut headers = vec![("vary", "Origin".to_owned())];
        if let Some(origin) = self.allowed(origin) {
            headers.push(("access-control-allow-origin", origin.to_owned()));
            headers.push(("access-control-expose-headers", EXPOSED_HEADERS.to_owned()));
        }
        headers
    }

    /// Returns the further headers of the response to a preflight, if the page may make the call.
    /// `methods` are those of the path.
    #[must_use]
    pub fn preflight(&self, origin: Option<&str>, asked: Preflight<'_>, methods: &[&str]) -> Option<Headers> {
        self.allowed(origin).filter(|_| methods.contains(&asked.method))?;
        let mut headers = vec![
            ("access-control-allow-methods", methods.join(", ")),
            ("access-control-max-age", MAX_AGE.to_owned()),
        ];
        let names = names(asked.headers)?;
        if !names.is_empty() {
            headers.push(("access-control-allow-headers", names));
        }
        Some(headers)
    }

    fn allowed<'a>(&self, origin: Option<&'a str>) -> Option<&'a str> {
        origin.filter(|origin| self.0.iter().any(|known| known == origin))
    }
}

/// Returns the requested header names. All names are allowed, because unknown headers are not
/// passed on.
fn names(asked: &str) -> Option<String> {
    if asked.len() > MAX_ASKED {
        return None;
    }
    let names: Vec<_> = asked
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    // `*` would mean every header.
    let sound = names.iter().all(|name| name != "*" && name.bytes().all(token));
    sound.then(|| names.join(", "))
}

/// Checks an origin. It is compared byte by byte, so a form that browsers never send would never
/// match.
fn origin(entry: &str) -> Result<String, InvalidOrigins> {
    if entry.contains('*') {
        return Err(InvalidOrigins::Wildcard);
    }
    let wrong = || InvalidOrigins::Form(entry.to_owned());
    let (scheme, rest) = entry.split_once("://").ok_or_else(wrong)?;
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let scheme_sound = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|b| lower(b) || b"+-.".contains(&b));
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let host_sound = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| lower(b) || b"-._".contains(&b)),
    };
    // A browser omits the default port of the scheme.
    let own = matches!((scheme, port), ("http", Some("80")) | ("https", Some("443")));
    let port_sound =
        port.is_none_or(|port| !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok() && !own);
    if scheme_sound && host_sound && port_sound { Ok(entry.to_owned()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://app.example.org";

    fn origins(text: &str) -> Origins {
        text.parse().unwrap()
    }

    fn preflight(origin: &str, method: &str, headers: &str) -> Option<Headers> {
        let allowed = origins("https://app.example.org, http://localhost:5173");
        allowed.preflight(Some(origin), Preflight { method, headers }, &["POST", "GET"])
    }

    #[test]
    fn a_listed_origin_may_read_every_answer_and_no_other_may() {
        let allowed = origins("https://app.example.org,http://localhost:5173,");
        for origin in [PAGE, "http://localhost:5173"] {
            let headers = allowed.headers(Some(origin));
            assert!(headers.contains(&("access-control-allow-origin", origin.to_owned())), "{headers:?}");
            assert!(headers.contains(&("vary", "Origin".to_owned())));
        }
        for other in [
            None,
            Some("null"),
            Some(""),
            Some("https://app.example.org.evil.net"),
            Some("https://app.example.org:8443"),
            Some("http://app.example.org"),
            Some("https://APP.example.org"),
            Some("https://app.example.org/"),
            Some("http://localhost"),
            Some("https://app.example.org, http://localhost:5173"),
        ] {
            assert_eq!(allowed.headers(other), [("vary", "Origin".to_owned())], "{other:?}");
        }
    }

    #[test]
    fn an_empty_list_is_closed_and_answers_do_not_vary() {
        for empty in ["", " ", ","] {
            assert_eq!(origins(empty).headers(Some(PAGE)), []);
            let asked = Preflight { method: "POST", headers: "" };
            assert_eq!(origins(empty).preflight(Some(PAGE), asked, &["POST"]), None);
        }
    }

    #[test]
    fn a_preflight_gets_the_methods_and_the_headers_that_it_asked_for() {
        let allowed = preflight(PAGE, "POST", "Authorization, content-type,x-stainless-lang").unwrap();
        assert_eq!(
            allowed,
            [
                ("access-control-allow-methods", "POST, GET".to_owned()),
                ("access-control-max-age", "600".to_owned()),
                ("access-control-allow-headers", "authorization, content-type, x-stainless-lang".to_owned()),
            ]
        );
        assert_eq!(preflight(PAGE, "GET", "").unwrap().len(), 2);
        for (origin, method, headers) in [
            ("https://evil.net", "POST", ""),
            ("null", "POST", ""),
            (PAGE, "DELETE", ""),
            (PAGE, "post", ""),
            (PAGE, "POST", "*"),
            (PAGE, "POST", "a b"),
            (PAGE, "POST", "a\r\nset-cookie: x"),
            (PAGE, "POST", &"x".repeat(MAX_ASKED + 1)),
        ] {
            assert_eq!(preflight(origin, method, headers), None, "{origin} {method} {headers:.20}");
        }
    }

    #[test]
    fn origins_that_match_nothing_or_everything_are_refused_by_name() {
        for wild in ["*", "https://*.example.org", "https://app.example.org,*"] {
            assert_eq!(wild.parse::<Origins>(), Err(InvalidOrigins::Wildcard), "{wild}");
        }
        for bad in [
            "null",
            "app.example.org",
            "https://",
            "://host",
            "https://host/",
            "https://host/path",
            "https://Host",
            "HTTPS://host",
            "https://host:443",
            "http://host:80",
            "https://host:",
            "https://host:0443",
            "https://host:65536",
            "https://user@host",
            "https://a b",
            "https://h\u{f6}st",
            "http://[::g]",
        ] {
            assert_eq!(bad.parse::<Origins>(), Err(InvalidOrigins::Form(bad.to_owned())));
        }
        for good in ["http://localhost", "http://[::1]:8080", "tauri://localhost", "https://a-b.example:8443"]
        {
            assert!(good.parse::<Origins>().is_ok(), "{good}");
        }
    }
}
