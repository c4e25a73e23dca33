/// Turns bytes into text without splitting a character.
#[derive(Debug, Clone, Default)]
pub struct Detokenizer {
    /// The beginning of an incomplete character: at most three bytes.
    pending: Vec<u8>,
}

impl Detokenizer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the characters that are complete so far; bytes that can't become a character give
    /// U+FFFD.
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

    /// Returns U+FFFD if the last character is incomplete.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}

/// Whether more bytes could still complete a character.
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
    fn a_character_is_returned_when_it_is_complete() {
        let mut detokenizer = Detokenizer::new();
        assert_eq!(detokenizer.push(&[b'a', 0xf0, 0x9f]), "a");
        assert_eq!(detokenizer.push(&[0xa6]), "");
        assert_eq!(detokenizer.push(&[0x99, b'b', 0xc3]), "🦙b");
        assert_eq!(detokenizer.finish(), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn parts_give_the_same_as_the_whole(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0x80u8..0xc0, 0xe0u8..0xf8], 0..64),
            size in 1usize..5,
        ) {
            prop_assert_eq!(in_parts(&bytes, size), String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn text_round_trips(text: String, size in 1usize..5) {
            prop_assert_eq!(in_parts(text.as_bytes(), size), text);
        }
    }
}
