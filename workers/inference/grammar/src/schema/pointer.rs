use serde_json::Value;

/// Extends a pointer by one step.
pub(super) fn child(path: &str, step: &str) -> String {
    format!("{path}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// The pointer in the fragment of a reference.
pub(super) fn of_fragment(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|&digit| char::from(digit).to_digit(16));
        bytes.push((digit()? * 16 + digit()?) as u8);
    }
    String::from_utf8(bytes).ok()
}

/// The schema at a pointer.
pub(super) fn find<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    root.pointer(path)
}
