/// Turns bytes into text without ever cutting a character in two.
#[derive(Debug, Clone, Default)]
pub struct Detokenizer {
    /// The beginning of a character: at most three bytes.
    pending: Vec<u8>,
}

impl Detokenizer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the characters that are whole now; what can never become one is U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let mut held = std::mem::take(&mut self.pending);
        held.extend_from_slice(bytes);
        let mut text = String::with_capacity(held.len());
        let mut chunks = held.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let broken = chunk.invalid();
            if broken.is_empty() {
                continue;
            }
            if chunks.peek().is_none() && is_beginning(broken) {
                self.pending = broken.to_vec();
            } else {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// What is left at the end: U+FFFD if a character was begun and not finished.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}

/// Whether more bytes could still make a character of it.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_parts(bytes: &[u8], size: usize) -> String {
        let mut detokenizer = Detokenizer::new();
        let mut text: String = bytes.chunks(size).map(|part| detokenizer.push(part)).collect();
        text.push_str(&detokenizer.finish());
        text
    }

    #[test]
    fn a_character_comes_when_it_is_whole() {
        let mut detokenizer = Detokenizer::new();
        assert_eq!(detokenizer.push(&[b'a', 0xf0, 0x9f]), "a");
        assert_eq!(detokenizer.push(&[0xa6]), "");
        assert_eq!(detokenizer.push(&[0x99, b'b', 0xc3]), "🦙b");
        assert_eq!(detokenizer.finish(), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn parts_give_what_the_whole_gives(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0x80u8..0xc0, 0xe0u8..0xf8], 0..64),
            size in 1usize..5,
        ) {
            prop_assert_eq!(in_parts(&bytes, size), String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn text_comes_back_as_it_was(text: String, size in 1usize..5) {
            prop_assert_eq!(in_parts(text.as_bytes(), size), text);
        }
    }
}
