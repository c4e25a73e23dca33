//! `traceparent` (W3C Trace Context, version 00).

use std::fmt;
use std::str::FromStr;

use cortex_domain::hex;

/// The flag that spans of the trace are recorded.
const SAMPLED: u8 = 1;

/// A trace id, the span id of the caller and flags.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Traceparent(String);

/// A text is not a `traceparent` of version 00. The receiver then starts a new trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`")]
pub struct MalformedTraceparent;

impl Traceparent {
    /// Creates a new trace from 24 random bytes.
    #[must_use]
    pub fn mint(random: [u8; 24]) -> Self {
        let (trace, span) = random.split_at(16);
        // All zeros are invalid. Setting the low bits excludes them.
        let (mut trace, mut span) = (trace.to_vec(), span.to_vec());
        trace[15] |= 1;
        span[7] |= 1;
        Self(format!("00-{}-{}-01", hex::encode(&trace), hex::encode(&span)))
    }

    /// Returns the context of a new span in the same trace. `random` becomes its id.
    #[must_use]
    pub fn child(&self, mut random: [u8; 8]) -> Self {
        random[7] |= 1;
        Self(format!("00-{}-{}-{}", self.trace_id(), hex::encode(&random), &self.0[53..]))
    }

    /// Returns the same context with the flag whether its spans are recorded.
    #[must_use]
    pub fn with_sampled(&self, sampled: bool) -> Self {
        let flags = (self.flags() & !SAMPLED) | if sampled { SAMPLED } else { 0 };
        Self(format!("{}{flags:02x}", &self.0[..53]))
    }

    /// Returns whether spans of the trace are recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags() & SAMPLED == SAMPLED
    }

    fn flags(&self) -> u8 {
        u8::from_str_radix(&self.0[53..], 16).unwrap_or_default()
    }

    #[must_use]
    pub fn trace_id_bytes(&self) -> [u8; 16] {
        bytes(self.trace_id())
    }

    #[must_use]
    pub fn span_id_bytes(&self) -> [u8; 8] {
        bytes(self.span_id())
    }

    /// Returns the id of the span, 16 hex digits.
    #[must_use]
    pub fn span_id(&self) -> &str {
        &self.0[36..52]
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the trace id, by which logs are found.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.0[3..35]
    }
}

impl FromStr for Traceparent {
    type Err = MalformedTraceparent;

    fn from_str(text: &str) -> Result<Self, MalformedTraceparent> {
        let parts: Vec<&str> = text.splitn(5, '-').collect();
        let hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let some = |part: &str| part.bytes().any(|b| b != b'0');
        match parts[..] {
            ["00", trace, span, flags]
                if hex(trace, 32) && hex(span, 16) && hex(flags, 2) && some(trace) && some(span) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(MalformedTraceparent),
        }
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Decodes an id, which is valid hex.
fn bytes<const N: usize>(id: &str) -> [u8; N] {
    hex::decode(id).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_has_the_trace_and_the_flags_of_its_parent() {
        let parent: Traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
        let child = parent.child([0; 8]);
        assert_eq!(child.as_str(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000001-01");
        assert_eq!((child.trace_id(), child.span_id()), (parent.trace_id(), "0000000000000001"));
        assert_eq!((child.span_id_bytes(), parent.trace_id_bytes()[0]), ([0, 0, 0, 0, 0, 0, 0, 1], 0x4b));
        assert!(child.is_sampled() && !child.with_sampled(false).is_sampled());
        assert!(!child.with_sampled(false).child([2; 8]).is_sampled());
    }

    #[test]
    fn a_minted_trace_reads_back() {
        let minted = Traceparent::mint([0; 24]);
        assert_eq!(minted.as_str().parse(), Ok(minted.clone()));
        assert_eq!(minted.trace_id().len(), 32);
    }

    #[test]
    fn other_texts_are_refused() {
        let zeros = format!("00-{}-{}-01", "0".repeat(32), "1".repeat(16));
        let upper = format!("00-{}-{}-01", "A".repeat(32), "1".repeat(16));
        let long = format!("00-{}-{}-01-x", "a".repeat(32), "1".repeat(16));
        for bad in ["", "00", &zeros, &upper, &long] {
            assert!(bad.parse::<Traceparent>().is_err(), "{bad}");
        }
    }
}
