//! Decoding errors, and helpers that read and check fields.

use std::fmt::Display;
use std::str::FromStr;

use cortex_domain::ports::Rejection;

/// The bytes are not a valid message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("invalid {message}: {reason}")]
    Malformed { message: &'static str, reason: String },
    #[error("{message}: missing field `{field}`")]
    Missing { message: &'static str, field: &'static str },
    #[error("{message}: invalid field `{field}`: {reason}")]
    Invalid { message: &'static str, field: &'static str, reason: String },
    #[error("{message}: the version {version} of the protocol is newer than this process (expected 1)")]
    NewerVersion { message: &'static str, version: u32 },
    #[error("{message}: the subject names another one")]
    Misaddressed { message: &'static str },
}

impl DecodeError {
    /// Returns the kind of message that this is.
    #[must_use]
    pub fn rejection(&self) -> Rejection {
        match self {
            Self::Malformed { .. } => Rejection::Malformed,
            Self::Missing { .. } | Self::Invalid { .. } => Rejection::Invalid,
            Self::NewerVersion { .. } => Rejection::NewerVersion,
            Self::Misaddressed { .. } => Rejection::Misaddressed,
        }
    }
}

/// The name of a message. Its methods read and check fields and name the message in errors.
#[derive(Clone, Copy)]
pub(crate) struct MessageName(pub &'static str);

impl MessageName {
    /// Decodes the message.
    pub(crate) fn parse<M: prost::Message + Default>(self, bytes: &[u8]) -> Result<M, DecodeError> {
        M::decode(bytes)
            .map_err(|error| DecodeError::Malformed { message: self.0, reason: error.to_string() })
    }

    /// Returns a required field.
    pub(crate) fn required<T>(self, field: &'static str, value: Option<T>) -> Result<T, DecodeError> {
        value.ok_or(DecodeError::Missing { message: self.0, field })
    }

    /// Converts a required nested message.
    pub(crate) fn nested<M, T>(self, field: &'static str, value: Option<M>) -> Result<T, DecodeError>
    where
        T: TryFrom<M, Error = DecodeError>,
    {
        self.required(field, value)?.try_into()
    }

    /// Parses a text field into its domain type.
    pub(crate) fn text<T: FromStr<Err: Display>>(
        self,
        field: &'static str,
        text: &str,
    ) -> Result<T, DecodeError> {
        self.valid(field, text.parse())
    }

    /// Parses each text of a list.
    pub(crate) fn texts<T: FromStr<Err: Display>>(
        self,
        field: &'static str,
        texts: &[String],
    ) -> Result<Vec<T>, DecodeError> {
        texts.iter().map(|text| self.text(field, text)).collect()
    }

    pub(crate) fn valid<T>(
        self,
        field: &'static str,
        value: Result<T, impl Display>,
    ) -> Result<T, DecodeError> {
        value.map_err(|reason| self.invalid(field, reason))
    }

    /// Returns an error if a length exceeds its limit.
    pub(crate) fn at_most(self, field: &'static str, length: usize, most: usize) -> Result<(), DecodeError> {
        if length <= most {
            Ok(())
        } else {
            Err(self.invalid(field, format_args!("must have a length of at most {most}, not {length}")))
        }
    }

    /// Returns an error unless the message belongs on its subject.
    pub(crate) fn addressed(self, holds: bool) -> Result<(), DecodeError> {
        if holds { Ok(()) } else { Err(DecodeError::Misaddressed { message: self.0 }) }
    }

    /// Returns an error unless a condition on several fields holds.
    pub(crate) fn ensure(
        self,
        field: &'static str,
        holds: bool,
        reason: &'static str,
    ) -> Result<(), DecodeError> {
        if holds { Ok(()) } else { Err(self.invalid(field, reason)) }
    }

    pub(crate) fn invalid(self, field: &'static str, reason: impl Display) -> DecodeError {
        DecodeError::Invalid { message: self.0, field, reason: reason.to_string() }
    }
}

/// Returns a text, or `None` if it is empty, which is how the wire encodes a missing text.
pub(crate) fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
