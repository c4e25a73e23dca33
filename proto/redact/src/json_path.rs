//! The path of a value in a JSON document.

use std::borrow::Cow;

use crate::quote::HIDDEN;
use crate::{personal, secrets};

/// The longest member name that is shown completely, in characters.
const MAX_NAME: usize = 64;
/// The longest pointer, in bytes.
const MAX_POINTER: usize = 1024;
/// The path from the document to a value. It is updated during the walk, and converted to text only
/// when needed.
#[derive(Default)]
pub(crate) struct JsonPath<'a>(pub(crate) Vec<PathSegment<'a>>);

pub(crate) enum PathSegment<'a> {
    Member(Cow<'a, str>),
    Item(usize),
}

impl JsonPath<'_> {
    /// Returns the JSON pointer (RFC 6901) of this path. It hides names that contain a secret or
    /// personal data, and truncates long ones.
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.0 {
            pointer.push('/');
            match step {
                PathSegment::Item(index) => pointer.push_str(&index.to_string()),
                PathSegment::Member(name) if is_private(name) => pointer.push_str(HIDDEN),
                PathSegment::Member(name) => push(&mut pointer, name),
            }
            if pointer.len() > MAX_POINTER {
                pointer.push('…');
                break;
            }
        }
        pointer
    }
}

fn is_private(name: &str) -> bool {
    secrets::kind(name).is_some() || personal::kinds(name).next().is_some()
}

fn push(pointer: &mut String, name: &str) {
    for c in name.chars().take(MAX_NAME) {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
    if name.chars().nth(MAX_NAME).is_some() {
        pointer.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(names: &[&str]) -> String {
        JsonPath(names.iter().map(|name| PathSegment::Member((*name).into())).collect()).pointer()
    }

    #[test]
    fn a_name_that_holds_a_secret_or_personal_data_is_not_repeated() {
        assert_eq!(pointer(&["a/b", "~"]), "/a~1b/~0");
        assert_eq!(pointer(&["a", "xAKIAIOSFODNN7EXAMPLE", "ada@example.org", "b"]), "/a/***/***/b");
    }

    #[test]
    fn a_pointer_stays_short_with_long_names() {
        assert_eq!(pointer(&[&"ä".repeat(65)]), format!("/{}…", "ä".repeat(64)));
        assert!(pointer(&["~".repeat(1 << 14).as_str(); 64]).len() < 2 * MAX_POINTER);
    }
}
