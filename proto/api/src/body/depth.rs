//! The nesting depth of a body, measured from its bytes alone, so that no parser has to recurse to
//! find it.

use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// Maximum number of arrays and objects that may be open at the same time.
pub const MAX_DEPTH: usize = 64;

/// Checks the nesting of a JSON text. A text that is not JSON may pass, but the parser then rejects
/// it and never meets more open brackets than were counted here.
///
/// # Errors
/// Returns an error if the text is nested deeper than [`MAX_DEPTH`].
pub fn check_depth(json: &[u8]) -> Result<(), Problem> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in json {
        match (byte, quoted) {
            _ if escaped => escaped = false,
            (b'\\', true) => escaped = true,
            (b'"', _) => quoted = !quoted,
            (b'[' | b'{', false) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    let detail = format!(
                        "the body is nested too deeply: must have at most {MAX_DEPTH} levels of arrays and objects"
                    );
                    return Err(Problem::new(ErrorCode::TooDeep, detail).with("limit", MAX_DEPTH));
                }
            }
            (b']' | b'}', false) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested(depth: usize) -> Vec<u8> {
        ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes()
    }

    #[test]
    fn sixty_four_levels_pass_and_one_more_does_not() {
        assert!(check_depth(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(check_depth(&nested(MAX_DEPTH + 1)).unwrap_err().kind, ErrorCode::TooDeep);
        assert!(check_depth(&b"{\"a\":".repeat(MAX_DEPTH + 1)).is_err());
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = format!("[\"{}\\\"{}\"]", "[".repeat(100), "{".repeat(100));
        assert!(check_depth(text.as_bytes()).is_ok());
        let after = format!("[\"\\\\\",{}]", "[".repeat(100));
        assert!(check_depth(after.as_bytes()).is_err());
    }

    #[test]
    fn brackets_side_by_side_do_not_add_up() {
        assert!(check_depth(&b"[],".repeat(1000)).is_ok());
    }

    proptest! {
        /// serde_json has its own limit of 128, which a text that passes never reaches.
        #[test]
        fn accepted_bodies_never_exceed_the_parsers_own_limit(text in r#"[\[\]{}",:\\a1 ]{0,400}"#) {
            if check_depth(text.as_bytes()).is_ok() {
                let error = serde_json::from_str::<serde_json::Value>(&text).err().map(|e| e.to_string());
                prop_assert!(!error.unwrap_or_default().contains("recursion"));
            }
        }
    }
}
