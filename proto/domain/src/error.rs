//! Error codes. Code sets them where the error occurs, and the edge or the gateway renders them
//! once.

use std::fmt;
use std::str::FromStr;

use crate::id::ParseError;

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident $slug:literal,)*) => {
        /// Every reason for an error. The slug is part of the public API and never changes.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum ErrorCode { $($(#[$doc])* $code,)* }

        impl ErrorCode {
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            #[must_use]
            pub fn slug(self) -> &'static str {
                match self { $(Self::$code => $slug,)* }
            }
        }
    };
}

codes! {
    MalformedJson "malformed-json",
    TooDeep "too-deep",
    InvalidRequest "invalid-request",
    Unauthenticated "unauthenticated",
    Denied "denied",
    NotFound "not-found",
    MethodNotAllowed "method-not-allowed",
    /// The client reads too slowly, and the data that it missed was discarded.
    SlowReader "slow-reader",
    /// The request conflicts with the current state. For example, a finished job can't be
    /// cancelled, and a key may be in use by another call.
    Conflict "conflict",
    /// The events of the stream were discarded.
    StreamGone "stream-gone",
    TooLarge "too-large",
    UnsupportedMediaType "unsupported-media-type",
    UnknownTopic "unknown-topic",
    UnknownModel "unknown-model",
    SecretInInput "secret-in-input",
    IdempotencyMismatch "idempotency-mismatch",
    Overloaded "overloaded",
    HeadersTooLarge "headers-too-large",
    Internal "internal",
    WorkerFailed "worker-failed",
    OriginAway "origin-away",
    Unavailable "unavailable",
    Timeout "timeout",
    /// The tenant's jobs use all the storage that the tenant may use.
    StorageFull "storage-full",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

impl FromStr for ErrorCode {
    type Err = ParseError;

    fn from_str(slug: &str) -> Result<Self, ParseError> {
        let known = Self::ALL.iter().find(|code| code.slug() == slug);
        known.copied().ok_or(ParseError {
            what: "error code",
            reason: "must be one of the known \
            error codes",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn slugs_are_unique_and_read_back() {
        let slugs: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.slug()).collect();
        assert_eq!(slugs.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(code.slug().parse(), Ok(*code));
        }
        assert!("no-such-code".parse::<ErrorCode>().is_err());
    }
}
