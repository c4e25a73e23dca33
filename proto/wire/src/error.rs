//! Why bytes are not the message they were read as, and the few ways in which a field is read.

use std::fmt::Display;
use std::str::FromStr;

/// The bytes are not the message they were read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("not a {message}: {reason}")]
    Malformed { message: &'static str, reason: String },
    #[error("{message} lacks `{field}`")]
    Missing { message: &'static str, field: &'static str },
    #[error("{message} has a bad `{field}`: {reason}")]
    Invalid { message: &'static str, field: &'static str, reason: String },
}

/// Reads the fields of the message it is named for.
#[derive(Clone, Copy)]
pub(crate) struct MessageName(pub &'static str);

impl MessageName {
    /// The message in `bytes`.
    pub(crate) fn parse<M: prost::Message + Default>(self, bytes: &[u8]) -> Result<M, DecodeError> {
        M::decode(bytes)
            .map_err(|error| DecodeError::Malformed { message: self.0, reason: error.to_string() })
    }

    /// A field that has to be there.
    pub(crate) fn required<T>(self, field: &'static str, value: Option<T>) -> Result<T, DecodeError> {
        value.ok_or(DecodeError::Missing { message: self.0, field })
    }

    /// A message within the message, which has to be there.
    pub(crate) fn nested<M, T>(self, field: &'static str, value: Option<M>) -> Result<T, DecodeError>
    where
        T: TryFrom<M, Error = DecodeError>,
    {
        self.required(field, value)?.try_into()
    }

    /// A field that is text on the wire and more than that in the domain.
    pub(crate) fn text<T: FromStr<Err: Display>>(
        self,
        field: &'static str,
        text: &str,
    ) -> Result<T, DecodeError> {
        self.valid(field, text.parse())
    }

    /// The same for each of a list.
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

    /// Refuses what is longer than a stranger may make it.
    pub(crate) fn at_most(self, field: &'static str, length: usize, most: usize) -> Result<(), DecodeError> {
        if length <= most {
            Ok(())
        } else {
            Err(self.invalid(field, format_args!("its length is {length}, and {most} is the most")))
        }
    }

    /// Checks what two fields must have in common.
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

/// A text that the wire leaves empty where there is none.
pub(crate) fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
