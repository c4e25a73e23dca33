//! Header names, and which headers may cross the edge.

/// Who owns the job.
pub const TENANT: &str = "cortex-tenant";
/// Who acts for the tenant.
pub const PRINCIPAL: &str = "cortex-principal";
/// What the principal may act as, separated by commas.
pub const ROLES: &str = "cortex-roles";
/// The id of the API key that the caller showed, by which its open streams end when it is revoked.
pub const CALLER_KEY: &str = "cortex-key";
/// The job's id, minted at the edge; also in answers.
pub const JOB_ID: &str = "cortex-job-id";
/// The caller's idempotency key.
pub const IDEMPOTENCY: &str = "cortex-idempotency-key";
/// Times of the hops before the origin: see [`crate::hops`].
pub const HOPS: &str = "cortex-hops";
/// What the edge found in the body: see `cortex_guard::flags`.
pub const FLAGS: &str = "cortex-flags";

/// When the request was signed, in milliseconds since 1970.
pub const TIME: &str = "cortex-time";
/// 128 random bits, good for one use.
pub const NONCE: &str = "cortex-nonce";
/// Which key it was signed with.
pub const KEY_ID: &str = "cortex-key-id";
/// How many bytes the body has, in decimal.
pub const BODY_LENGTH: &str = "cortex-body-length";
/// SHA-256 of the body, in hexadecimal.
pub const BODY_DIGEST: &str = "cortex-body-sha256";
/// The gateway instance that the request is meant for; in the answer to a refused signature, the one that refused it.
pub const INSTANCE: &str = "cortex-instance";
/// The signature, in hexadecimal.
pub const SIGNATURE: &str = "cortex-signature";

/// The caller's idempotency key as it stands in a client's request.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// Headers of a client that change what the origin does. They are signed as ours are.
const PREFERENCES: [&str; 4] = ["accept", IDEMPOTENCY_KEY, "last-event-id", "prefer"];
/// Those of them that are lists: RFC 9110 lets a hop join repeated ones with a comma.
const LISTS: [&str; 2] = ["accept", "prefer"];

/// The most bytes of all headers together, names and values.
pub const MAX_BYTES: usize = 16 * 1024;

/// What of a client's headers the origin gets to see. The client's own credentials end at the edge.
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

/// What of the origin's answer a client gets to see.
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

/// Whether a client's request header goes on to the origin; `name` in any case.
#[must_use]
pub fn passes_inward(name: &str) -> bool {
    REQUEST.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a header of the origin's answer goes on to the client; `name` in any case.
#[must_use]
pub fn passes_outward(name: &str) -> bool {
    ANSWER.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the signature covers a header: each of ours, and what of a client's changes what the origin does; `name` in
/// any case. The content type and the signature itself have places of their own.
#[must_use]
pub fn is_signed(name: &str) -> bool {
    is_cortex(name) || PREFERENCES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a header may be repeated and then means its values in order; `name` in lower case.
#[must_use]
pub fn is_list(name: &str) -> bool {
    LISTS.contains(&name)
}

/// Whether a header is one of ours; `name` in any case.
#[must_use]
pub fn is_cortex(name: &str) -> bool {
    name.as_bytes().get(..7).is_some_and(|head| head.eq_ignore_ascii_case(b"cortex-"))
}

/// How many bytes headers take, for comparison with [`MAX_BYTES`].
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
    fn our_headers_are_known_in_any_case() {
        assert!(
            is_cortex("Cortex-X") && !is_cortex("cortex") && !is_cortex("x-cortex-") && !is_cortex("cörtex-")
        );
    }
}
