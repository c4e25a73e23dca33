//! Header names, and the headers that the edge passes on.

/// The tenant that owns the job.
pub const TENANT: &str = "cortex-tenant";
/// The principal that acts for the tenant.
pub const PRINCIPAL: &str = "cortex-principal";
/// The principal's roles, separated by commas.
pub const ROLES: &str = "cortex-roles";
/// The id of the caller's API key. When the key is revoked, the origin ends its open streams.
pub const CALLER_KEY: &str = "cortex-key";
/// The job's id from the edge. Responses have it too.
pub const JOB_ID: &str = "cortex-job-id";
/// The caller's idempotency key.
pub const IDEMPOTENCY: &str = "cortex-idempotency-key";
/// Times of the hops before the origin: see [`crate::hops`].
pub const HOPS: &str = "cortex-hops";
/// The edge's findings in the body: see `cortex_guard::flags`.
pub const FLAGS: &str = "cortex-flags";

/// When the request was signed, in milliseconds since 1970.
pub const TIME: &str = "cortex-time";
/// 128 random bits for a single use.
pub const NONCE: &str = "cortex-nonce";
/// The id of the signing key.
pub const KEY_ID: &str = "cortex-key-id";
/// The length of the body in bytes, in decimal.
pub const BODY_LENGTH: &str = "cortex-body-length";
/// SHA-256 of the body, in hexadecimal.
pub const BODY_DIGEST: &str = "cortex-body-sha256";
/// The gateway instance that the request is meant for. In the response to a rejected signature, the
/// instance that rejected it.
pub const INSTANCE: &str = "cortex-instance";
/// The signature, in hexadecimal.
pub const SIGNATURE: &str = "cortex-signature";

/// The idempotency key in a client's request.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// Headers of a client that change what the origin does. The signature covers them too.
const PREFERENCES: [&str; 4] = ["accept", IDEMPOTENCY_KEY, "last-event-id", "prefer"];
/// Those of them that are lists. RFC 9110 lets a hop join repeated ones with a comma.
const LISTS: [&str; 2] = ["accept", "prefer"];

/// Maximum number of bytes of all headers together, names and values.
pub const MAX_BYTES: usize = 16 * 1024;

/// The client's headers that the edge passes to the origin. The client's credentials end at the
/// edge.
const REQUEST: [&str; 9] = [
    "accept",
    "accept-language",
    "content-type",
    "idempotency-key",
    "last-event-id",
    "prefer",
    "traceparent",
    "tracestate",
    "user-agent",
];

/// The headers of the origin's response that the edge passes to the client.
const ANSWER: [&str; 9] = [
    "allow",
    "content-encoding",
    "content-language",
    "content-type",
    "location",
    "preference-applied",
    "retry-after",
    "traceparent",
    "cortex-job-id",
];

/// Returns whether the edge passes a client's request header to the origin. `name` may be in any
/// case.
#[must_use]
pub fn passes_inward(name: &str) -> bool {
    REQUEST.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Returns whether the edge passes a header of the origin's response to the client. `name` may be
/// in any case.
#[must_use]
pub fn passes_outward(name: &str) -> bool {
    ANSWER.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Returns whether the signature covers a header: every `cortex-*` header, and those of a client's
/// headers that change what the origin does. `name` may be in any case. The signed text has
/// separate lines for the content type and the signature.
#[must_use]
pub fn is_signed(name: &str) -> bool {
    is_cortex(name) || PREFERENCES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Returns whether a repeated header means a list of its values in order. `name` is in lower case.
#[must_use]
pub fn is_list(name: &str) -> bool {
    LISTS.contains(&name)
}

/// Returns whether a header starts with `cortex-`. `name` may be in any case.
#[must_use]
pub fn is_cortex(name: &str) -> bool {
    name.as_bytes().get(..7).is_some_and(|head| head.eq_ignore_ascii_case(b"cortex-"))
}

/// Returns the size of headers, for comparison with [`MAX_BYTES`].
pub fn bytes<N: AsRef<str>, V: AsRef<[u8]>>(headers: impl IntoIterator<Item = (N, V)>) -> usize {
    headers.into_iter().map(|(name, value)| name.as_ref().len() + value.as_ref().len() + 4).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_internal_or_connection_header_crosses_the_edge() {
        for name in [
            "Authorization",
            "Cookie",
            "Host",
            "Cortex-Tenant",
            "cortex-signature",
            "CF-Connecting-IP",
            "Cf-Access-Jwt-Assertion",
            "Connection",
            "Transfer-Encoding",
            "Content-Length",
            "Upgrade",
            "X-Forwarded-For",
        ] {
            assert!(!passes_inward(name), "{name}");
        }
        assert!(passes_inward("Content-Type") && passes_inward("Traceparent"));
        for name in ["Set-Cookie", "Server", "Cortex-Signature", "Connection", "Transfer-Encoding"] {
            assert!(!passes_outward(name), "{name}");
        }
        assert!(passes_outward("Cortex-Job-Id"));
    }

    #[test]
    fn cortex_headers_are_recognized_in_any_case() {
        assert!(
            is_cortex("Cortex-X") && !is_cortex("cortex") && !is_cortex("x-cortex-") && !is_cortex("cörtex-")
        );
    }
}
