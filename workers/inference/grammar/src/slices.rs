//! Parts of the vocabulary that a mask can include as a whole.

/// The content of a JSON string without backslashes, with a repetition.
macro_rules! content {
    ($times:literal) => {
        concat!(r#"[^"\\\x00-\x1F\x7F]"#, $times)
    };
}

/// The parser walks through the tokens byte by byte, but where the text may continue with anything
/// that a slice matches, it includes all of the slice's tokens at once. Each slice has a maximum
/// length, because only then can the parser see that a string of limited length has room for it:
/// the longest tokens have 128 bytes, and near a limit the shorter slices still fit. Words and
/// names are for patterns, which don't allow everything that a string may contain.
pub(crate) fn slices() -> Vec<String> {
    let slices =
        ["[a-z ]{1,16}", "[a-zA-Z0-9]{1,16}", content!("{1,10}"), content!("{1,30}"), content!("{1,130}")];
    slices.map(str::to_owned).into()
}
