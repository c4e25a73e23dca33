//! Identifiers. Each is parsed once and is valid from then on.

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "schema")]
use crate::schema;
use crate::time::Timestamp;

/// A text is not a valid identifier or other parsed value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what}: {reason}")]
pub struct ParseError {
    pub what: &'static str,
    pub reason: &'static str,
}

/// A job's id: a UUIDv7 (RFC 9562), so ids sort by creation time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(uuid::Uuid);

impl JobId {
    /// Creates an id from the time and ten random bytes.
    #[must_use]
    pub fn mint(now: Timestamp, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(now.as_millis(), &random).into_uuid())
    }

    /// Returns the time in the id, by the clock of the process that created it.
    #[must_use]
    pub fn minted_at(&self) -> Timestamp {
        let millis = self.0.as_bytes().iter().take(6).fold(0, |millis, byte| millis << 8 | u64::from(*byte));
        Timestamp::from_millis(millis)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads an id from its bytes.
    ///
    /// # Errors
    /// Returns an error unless there are 16 bytes that form a UUIDv7.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, ParseError> {
        let id = uuid::Uuid::from_slice(bytes)
            .map_err(|_| ParseError { what: "job id", reason: "must have 16 bytes" })?;
        Self::checked(id)
    }

    fn checked(id: uuid::Uuid) -> Result<Self, ParseError> {
        if id.get_version_num() == 7 {
            Ok(Self(id))
        } else {
            Err(ParseError { what: "job id", reason: "must be a UUID of version 7" })
        }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({})", self.0)
    }
}

impl FromStr for JobId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let id = uuid::Uuid::try_parse(text)
            .map_err(|_| ParseError { what: "job id", reason: "must be a hyphenated UUID" })?;
        Self::checked(id)
    }
}

#[cfg(feature = "schema")]
crate::inline_schema!(
    JobId,
    schemars::json_schema!({
        "type": "string",
        "format": "uuid",
        "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$",
        "examples": ["01a1fb51-9430-7707-8707-070707070707"],
    })
);

/// The id of one dispatch of an attempt. Its random bits keep a worker from guessing another's. The
/// first byte names the share of the job's tenant, so that what a worker reports under the lease
/// reaches the scheduler of that share.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DispatchId([u8; 16]);

impl DispatchId {
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads an id from its bytes.
    ///
    /// # Errors
    /// Returns an error unless there are 16 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, ParseError> {
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| ParseError { what: "dispatch id", reason: "must have 16 bytes" })
    }
}

impl fmt::Display for DispatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Shows only the first bytes, because readers of a log must not be able to report under the lease.
impl fmt::Debug for DispatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DispatchId({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

impl FromStr for DispatchId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const WRONG: ParseError = ParseError {
            what: "dispatch id",
            reason: "must be 32 hexadecimal \
            digits",
        };
        if text.len() != 32 || !text.is_ascii() {
            return Err(WRONG);
        }
        let mut bytes = [0; 16];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| WRONG)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}

/// The public part of an API key, which identifies its record: 12 base32 characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct KeyId(String);

impl KeyId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_valid = text.len() == 12 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
        let reason = "must have 12 characters, a to z and 2 to 7";
        is_valid.then(|| Self(text.to_owned())).ok_or(ParseError { what: "key id", reason })
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(feature = "schema")]
crate::inline_schema!(KeyId, schema::matching("^[a-z2-7]{12}$"));

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal, $extra:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The longest text, in bytes.
            pub const MAX: usize = $max;

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                if text.is_empty() || text.len() > Self::MAX {
                    return Err(ParseError {
                        what: $what,
                        reason: concat!("must have 1 to ", $max, " characters"),
                    });
                }
                if text.bytes().all(|b| b.is_ascii_alphanumeric() || $extra.as_bytes().contains(&b)) {
                    Ok(Self(text.into()))
                } else {
                    Err(ParseError {
                        what: $what,
                        reason: concat!("must contain only ASCII letters, digits and `", $extra, "`"),
                    })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        #[cfg(feature = "schema")]
        crate::inline_schema!($name, schema::matching(&format!("^[{}A-Za-z0-9]{{1,{}}}$", $extra, $max)));
    };
}

name!(/** The owner of jobs and their data: the unit of isolation. */ Tenant, "tenant", 64, "-_.");
name!(/** The actor within a tenant: a key's name, a user or a service. */ Principal, "principal", 128, "-_.@:/+");
name!(/** A role of a principal. */ Role, "role", 64, "-_.");
name!(/** A worker process. */ WorkerId, "worker id", 64, "-_");
name!(/** A group of workers that serve the same topics. */ Pool, "pool", 64, "-_");
name!(/** A caller's name for a request, unique within the tenant. */ IdempotencyKey, "idempotency key", 255, "-_.:/+=");
name!(/** A model's name in the catalogue. */ ModelName, "model name", 128, "-_.:/");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_id_reads_back_from_text_and_bytes() {
        let id = JobId::mint(Timestamp::from_millis(1_700_000_000_000), [7; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(JobId::from_slice(id.as_bytes()), Ok(id));
        assert_eq!(id.minted_at(), Timestamp::from_millis(1_700_000_000_000));
    }

    #[test]
    fn job_ids_sort_by_the_time_they_were_minted() {
        let early = JobId::mint(Timestamp::from_millis(1), [0xff; 10]);
        let late = JobId::mint(Timestamp::from_millis(2), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
    }

    #[test]
    fn a_uuid_of_another_version_is_no_job_id() {
        assert!("f47ac10b-58cc-4372-a567-0e02b2c3d479".parse::<JobId>().is_err());
    }

    #[test]
    fn a_dispatch_id_reads_back_and_hides_in_debug_output() {
        let id = DispatchId::new([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(format!("{id:?}"), "DispatchId(abab..)");
        assert!("é".repeat(16).parse::<DispatchId>().is_err());
    }

    #[test]
    fn names_refuse_what_could_break_a_subject_or_a_path() {
        for bad in ["", "a b", "a*", "a>", "ä", "a\n", "../x"] {
            assert!(bad.parse::<Tenant>().is_err(), "{bad:?}");
            assert!(bad.parse::<WorkerId>().is_err(), "{bad:?}");
        }
        assert!("acme-1.eu".parse::<Tenant>().is_ok());
        assert!("x".repeat(65).parse::<Tenant>().is_err());
    }
}
