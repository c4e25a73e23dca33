//! The gateway instance that a request is meant for. A gateway remembers nonces only in memory. A
//! request that was used at one instance must therefore be invalid at another, and at the same
//! gateway after a restart.

use std::fmt;

/// A running gateway: 128 random bits that it draws at its start, in text 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance(String);

impl Instance {
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(cortex_domain::hex::encode(&random))
    }

    /// Parses the name of an instance.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 32 && text.bytes().all(lower)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
