//! The `cortex-hops` header: when a request passed the hops before the origin, for the job's
//! timeline. `edge.received=1795217790000,edge.ledger=1795217790005`.

use cortex_domain::job::Hop;
use cortex_domain::time::Timestamp;

/// The edge read the request.
pub const RECEIVED: &str = "edge.received";
/// The ledger committed the job.
pub const LEDGER: &str = "edge.ledger";
/// The queue's consumer or the ledger's alarm sent it to the origin.
pub const DRAINED: &str = "edge.drained";

/// Maximum number of hops in a header.
pub const MAX: usize = 16;

/// A text is not a valid list of hops.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected at most 16 hops as `name=milliseconds`, separated by commas")]
pub struct MalformedHops;

#[must_use]
pub fn encode(hops: &[Hop]) -> String {
    let lines: Vec<_> = hops.iter().map(|hop| format!("{}={}", hop.name, hop.at.as_millis())).collect();
    lines.join(",")
}

/// Parses the output of [`encode`].
///
/// # Errors
/// Returns an error if the text is not a list of hops.
pub fn parse(text: &str) -> Result<Vec<Hop>, MalformedHops> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let hops = text.split(',').take(MAX + 1).map(hop).collect::<Option<Vec<_>>>().ok_or(MalformedHops)?;
    if hops.len() > MAX { Err(MalformedHops) } else { Ok(hops) }
}

fn hop(text: &str) -> Option<Hop> {
    let (name, at) = text.split_once('=')?;
    let sound = (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        && at.bytes().all(|b| b.is_ascii_digit());
    let at = Timestamp::from_millis(at.parse().ok()?);
    sound.then(|| Hop { name: name.to_owned(), at })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_texts_are_refused() {
        for bad in ["a", "a=", "=1", "a=-1", "a=+1", "A=1", "a=1,", "a=1;b=2", &["a=1"; 17].join(",")] {
            assert_eq!(parse(bad), Err(MalformedHops), "{bad}");
        }
        assert_eq!(parse(" "), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn hops_read_back(hops in proptest::collection::vec(("[a-z.]{1,32}", any::<u64>()), 0..=MAX)) {
            let at = Timestamp::from_millis;
            let hops: Vec<_> = hops.into_iter().map(|(name, ms)| Hop { name, at: at(ms) }).collect();
            prop_assert_eq!(parse(&encode(&hops)), Ok(hops));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
