//! The `cortex-flags` header: findings in a body that policies may use and that are not errors. For
//! example `email,iban`. It is empty if the edge found nothing, and missing if the edge did not
//! search.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use cortex_redact::Finding;

/// The label that shows a job's flags. A caller can't set it.
pub const LABEL: &str = "cortex/personal-data";

const MAX_FLAGS: usize = 16;

/// Kinds of personal data, without duplicates.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Flags(BTreeSet<String>);

/// A text is not a valid list of flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected at most 16 lower-case names, separated by commas")]
pub struct MalformedFlags;

impl Flags {
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        Self(findings.iter().map(|finding| finding.kind.to_owned()).collect())
    }

    /// Returns a job's labels: its caller's, and [`LABEL`] if there is a flag.
    #[must_use]
    pub fn onto(&self, mut labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
        if !self.0.is_empty() {
            labels.insert(LABEL.to_owned(), self.to_string());
        }
        labels
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, kind) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "," })?;
            f.write_str(kind)?;
        }
        Ok(())
    }
}

impl FromStr for Flags {
    type Err = MalformedFlags;

    fn from_str(text: &str) -> Result<Self, MalformedFlags> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let kinds: BTreeSet<_> = text.split(',').take(MAX_FLAGS + 1).map(str::to_owned).collect();
        let sound = |kind: &String| {
            (1..=32).contains(&kind.len())
                && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if kinds.len() <= MAX_FLAGS && kinds.iter().all(sound) {
            Ok(Self(kinds))
        } else {
            Err(MalformedFlags)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn findings_become_flags_and_a_label() {
        let finding = |kind, place: &str| Finding { kind, place: place.into() };
        let flags = Flags::of(&[finding("iban", "/a"), finding("email", "/a"), finding("email", "/b")]);
        assert_eq!(flags.to_string(), "email,iban");
        let own = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        assert_eq!(flags.onto(own.clone())[LABEL], "email,iban");
        assert_eq!(Flags::default().onto(own.clone()), own);
    }

    #[test]
    fn other_texts_are_refused() {
        let many: Vec<_> = (0..=MAX_FLAGS).map(|n| format!("k{n}")).collect();
        for bad in ["a,", ",", "A", "a b", "a;b", &"a".repeat(33), &many.join(",")] {
            assert_eq!(bad.parse::<Flags>(), Err(MalformedFlags), "{bad}");
        }
        assert_eq!(" ".parse(), Ok(Flags::default()));
    }

    proptest! {
        #[test]
        fn flags_read_back(kinds in proptest::collection::btree_set("[a-z0-9-]{1,32}", 0..=MAX_FLAGS)) {
            let flags = Flags(kinds);
            prop_assert_eq!(flags.to_string().parse(), Ok(flags));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = text.parse::<Flags>();
        }
    }
}
