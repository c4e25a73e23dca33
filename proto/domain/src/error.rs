//! What can go wrong, by one name everywhere: set where it happens, and rendered once, at the door.

use std::fmt;
use std::str::FromStr;

use crate::id::ParseError;

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident $slug:literal,)*) => {
        /// Every reason for a refusal or a failure. The slug is part of the public API and never changes.
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
    /// A reader was slower than what it read, and what it missed is no longer kept.
    SlowReader "slow-reader",
    /// It doesn't fit what is there: a finished job can't be cancelled, a key is in use by a call under way.
    Conflict "conflict",
    /// What was told of it is no longer kept.
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
    /// The tenant's jobs take as much room as they may.
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
        known.copied().ok_or(ParseError { what: "error code", reason: "it is not one of those known here" })
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
