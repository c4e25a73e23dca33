//! Where a text stands in a JSON document.

use std::borrow::Cow;

use crate::quote::HIDDEN;
use crate::{personal, secrets};

/// The longest name of a member that is shown whole, in characters.
const MAX_NAME: usize = 64;
/// The longest pointer, in bytes.
const MAX_POINTER: usize = 1024;
/// The way from the document down to a value. It is kept as it is walked and only written when it is shown.
#[derive(Default)]
pub(crate) struct JsonPath<'a>(pub(crate) Vec<PathSegment<'a>>);

pub(crate) enum PathSegment<'a> {
    Member(Cow<'a, str>),
    Item(usize),
}

impl JsonPath<'_> {
    /// The JSON pointer (RFC 6901) of this place. A name with a secret or personal data in it is hidden, a long one cut.
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
    fn however_long_the_names_are_the_pointer_is_short() {
        assert_eq!(pointer(&[&"ä".repeat(65)]), format!("/{}…", "ä".repeat(64)));
        assert!(pointer(&["~".repeat(1 << 14).as_str(); 64]).len() < 2 * MAX_POINTER);
    }
}
