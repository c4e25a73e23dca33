//! Whole numbers in every JSON notation. `8`, `8.0` and `80e-1` are the same number, and nothing is
//! rounded.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// No valid whole number has more digits.
const MAX_DIGITS: usize = 20;

/// Parses a JSON number that is whole. Returns `None` if it is not, or does not fit.
pub(super) fn whole(number: &str) -> Option<i64> {
    let (negative, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if before.is_empty() || !before.bytes().chain(after.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let after = after.trim_end_matches('0');
    let digits = format!("{before}{after}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let zeros = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(after.len()).ok()?)?;
    let shift = usize::try_from(zeros.unsigned_abs()).ok()?;
    let whole = if zeros >= 0 {
        format!("{digits}{}", "0".repeat(shift.min(MAX_DIGITS)))
    } else {
        let (whole, fraction) = digits.split_at(digits.len().checked_sub(shift)?);
        fraction.bytes().all(|b| b == b'0').then(|| whole.to_owned())?
    };
    format!("{}{whole}", if negative { "-" } else { "" }).parse().ok()
}

/// A token of a vocabulary.
#[derive(Clone, Copy)]
pub(super) struct TokenId(pub(super) u32);

#[cfg(feature = "schema")]
cortex_domain::inline_schema!(
    TokenId,
    schemars::json_schema!({"type": "integer", "minimum": 0, "maximum": u32::MAX})
);

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Token)
    }
}

struct Token;

impl Visitor<'_> for Token {
    type Value = TokenId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the id of a token")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<TokenId, E> {
        u32::try_from(id).map(TokenId).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, id: f64) -> Result<TokenId, E> {
        if id.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&id) {
            Ok(TokenId(id as u32))
        } else {
            Err(E::custom("not the id of a token"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_number_is_read_however_it_is_written() {
        for (text, expected) in [
            ("8", Some(8)),
            ("8.0", Some(8)),
            ("-8.000", Some(-8)),
            ("1e1", Some(10)),
            ("1E+1", Some(10)),
            ("1.50e1", Some(15)),
            ("80e-1", Some(8)),
            ("0.00e999999", Some(0)),
            ("-0.0", Some(0)),
            ("9223372036854775807.0", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("1e19", None),
            ("1e99999999999999999999", None),
            ("1e-1", None),
            ("1.5", None),
            ("15e-2", None),
            ("\"8\"", None),
            ("true", None),
            ("[8]", None),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
        assert_eq!(whole(&format!("1{}e-100000", "0".repeat(100_000))), Some(1));
    }

    proptest! {
        #[test]
        fn every_integer_is_read_as_itself(number: i64, zeros in 0usize..5) {
            prop_assert_eq!(whole(&number.to_string()), Some(number));
            prop_assert_eq!(whole(&format!("{number}.{}0", "0".repeat(zeros))), Some(number));
            prop_assert_eq!(whole(&format!("{number}{}e-{zeros}", "0".repeat(zeros))), Some(number));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9.eE]{0,30}") {
            whole(&text);
        }
    }
}
