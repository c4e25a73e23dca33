//! The edge's admin route, which accepts requests signed with the origin's key.

use cortex_api::{CreateKey, KeyPage, KeyView};
use cortex_domain::id::KeyId;
use cortex_domain::id::{Principal, Role, Tenant};
use cortex_guard::signature::{Keyring, Nonce, Request, sign};
use cortex_platform::clock::Clock;
use cortex_platform::entropy;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Url};

use crate::api::RESPONSE_TIMEOUT;
use crate::{CallError, http, response};

const JSON: &str = "application/json";

/// A client of one edge's admin route.
#[derive(Debug, Clone)]
pub struct Admin {
    http: reqwest::Client,
    base: Url,
    keys: Keyring,
    clock: Clock,
}

impl Admin {
    /// Returns a client for the edge at `url` that signs its requests with `keys`.
    ///
    /// # Errors
    /// Returns an error if `url` is not an HTTP address.
    pub fn new(url: &str, keys: Keyring) -> Result<Self, CallError> {
        let base = http::parse_base(url)?;
        Ok(Self { http: http::client(&base)?, base, keys, clock: Clock::system() })
    }

    /// Creates an API key. Only this response contains the key itself.
    ///
    /// # Errors
    /// Returns an error if the edge can't be reached or refuses the request.
    pub async fn create_key(
        &self,
        tenant: &Tenant,
        principal: &Principal,
        roles: &[Role],
    ) -> Result<KeyView, CallError> {
        let body = CreateKey { tenant: tenant.clone(), principal: principal.clone(), roles: roles.to_vec() };
        let body = serde_json::to_vec(&body).map_err(|error| CallError::InvalidRequest(error.to_string()))?;
        response::read(self.signed(Method::POST, self.endpoint(&[]), body)?).await
    }

    /// Lists a tenant's keys.
    ///
    /// # Errors
    /// Returns an error if the edge can't be reached or refuses the request.
    pub async fn keys(&self, tenant: &Tenant) -> Result<Vec<KeyView>, CallError> {
        let mut url = self.endpoint(&[]);
        url.query_pairs_mut().append_pair("tenant", tenant.as_str());
        let page: KeyPage = response::read(self.signed(Method::GET, url, Vec::new())?).await?;
        Ok(page.keys)
    }

    /// Revokes a key permanently. The edge needs `tenant` only for a key that its cache doesn't
    /// know.
    ///
    /// # Errors
    /// Returns an error if the edge can't be reached or doesn't know the key.
    pub async fn revoke(&self, id: &KeyId, tenant: &Tenant) -> Result<KeyView, CallError> {
        let mut url = self.endpoint(&[id.as_str()]);
        url.query_pairs_mut().append_pair("tenant", tenant.as_str());
        response::read(self.signed(Method::DELETE, url, Vec::new())?).await
    }

    fn endpoint(&self, path: &[&str]) -> Url {
        let mut whole = vec!["internal", "keys"];
        whole.extend(path);
        http::endpoint(&self.base, &whole)
    }

    fn signed(&self, method: Method, url: Url, body: Vec<u8>) -> Result<RequestBuilder, CallError> {
        let content_type = if body.is_empty() { "" } else { JSON };
        let nonce = Nonce::new(entropy::random());
        let request = Request {
            method: method.as_str(),
            path: url.path(),
            query: url.query().unwrap_or_default(),
            content_type,
            body: &body,
        };
        let stamp = sign(&request, [(ACCEPT.as_str(), JSON)], self.keys.current(), self.clock.now(), nonce)
            .map_err(|error| CallError::InvalidRequest(error.to_string()))?;
        let mut signed = self.http.request(method, url).timeout(RESPONSE_TIMEOUT).header(ACCEPT, JSON);
        for (name, value) in stamp {
            signed = signed.header(name, value);
        }
        if !content_type.is_empty() {
            signed = signed.header(CONTENT_TYPE, content_type).body(body);
        }
        Ok(signed)
    }
}

#[cfg(test)]
mod tests {
    use cortex_guard::signature::{Head, verify};

    use super::*;

    #[test]
    fn the_sent_request_matches_its_signature() {
        let keys: Keyring = format!("origin-1:{}", "ab".repeat(32)).parse().unwrap();
        let admin = Admin::new("http://127.0.0.1:8787", keys.clone()).unwrap();
        let mut url = admin.endpoint(&[]);
        url.query_pairs_mut().append_pair("tenant", "acme-1.eu");
        for (method, url, body) in [(Method::GET, url, ""), (Method::POST, admin.endpoint(&[]), "{}")] {
            let sent = admin.signed(method, url, body.into()).unwrap().build().unwrap();
            let headers = sent.headers();
            let head = Head {
                method: sent.method().as_str(),
                path: sent.url().path(),
                query: sent.url().query().unwrap_or_default(),
                content_type: headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap()),
            };
            let all = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
            let verified = verify(&head, all, &keys, Clock::system().now()).unwrap();
            let body = sent.body().map_or(b"".as_slice(), |body| body.as_bytes().unwrap());
            assert!(verified.body.check(body).is_ok());
        }
    }
}
