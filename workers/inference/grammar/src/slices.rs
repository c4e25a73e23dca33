//! Parts of the vocabulary that a mask takes whole.

/// What a JSON string holds without a backslash, and this often.
macro_rules! content {
    ($times:literal) => {
        concat!(r#"[^"\\\x00-\x1F\x7F]"#, $times)
    };
}

/// The parser walks through the tokens one byte after the other, but where the text may go on with anything that a slice
/// matches, it takes all of the slice's tokens at once. Each is bounded, as the parser sees only then that a string of bounded
/// length has room for it: the longest tokens have 128 bytes, and near a bound the shorter slices still fit. Words and names
/// are for patterns, which don't allow all that a string may hold.
pub(crate) fn slices() -> Vec<String> {
    let slices =
        ["[a-z ]{1,16}", "[a-zA-Z0-9]{1,16}", content!("{1,10}"), content!("{1,30}"), content!("{1,130}")];
    slices.map(str::to_owned).into()
}
