//! Ids of tool calls.

use std::hash::{DefaultHasher, Hash, Hasher};

use cortex_chat::ToolCallIds;

const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Returns the id of a call, unique in its conversation, in the form that the model's template
/// requires.
pub(super) fn call_id(ids: ToolCallIds, answer: &str, choice: u32, call: usize) -> String {
    let mut hasher = DefaultHasher::new();
    (answer, choice, call).hash(&mut hasher);
    let mut rest = hasher.finish();
    let nine: String = (0..9)
        .map(|_| {
            let letter = LETTERS[(rest % 36) as usize];
            rest /= 36;
            char::from(letter)
        })
        .collect();
    match ids {
        ToolCallIds::Any => format!("call_{nine}"),
        ToolCallIds::NineAlphanumerics => nine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_the_form_that_is_demanded_and_is_like_no_other() {
        let nine = call_id(ToolCallIds::NineAlphanumerics, "a", 0, 0);
        assert!(nine.len() == 9 && nine.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let any = |answer, choice, call| call_id(ToolCallIds::Any, answer, choice, call);
        assert_eq!(any("a", 0, 0), format!("call_{nine}"));
        assert_ne!(any("a", 0, 0), any("a", 0, 1));
        assert_ne!(any("a", 0, 0), any("a", 1, 0));
        assert_ne!(any("a", 0, 0), any("b", 0, 0));
    }
}
