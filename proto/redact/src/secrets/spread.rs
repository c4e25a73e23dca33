//! Keys with a space after each character, of which no rule sees two characters together.

use super::rules::is_url_safe;
use crate::steps;

/// The shortest credential. A shorter run of single characters can't contain one.
const MIN_CREDENTIAL: usize = 15;
/// A character with one sign before and one after it, as in quotation marks or at the end of a
/// sentence.
const MAX_SINGLE: usize = 3;

/// Returns the runs of single characters of a text, without spaces, each on its own line.
pub(super) fn closed_up(text: &[u8]) -> Vec<u8> {
    let mut runs = Runs::default();
    if text.len() < 2 * MIN_CREDENTIAL - 1 {
        return runs.closed;
    }
    steps::count(text.len());
    for word in text.split(u8::is_ascii_whitespace) {
        match single(word) {
            Some((before, letter, after)) => {
                if before {
                    runs.end();
                }
                runs.closed.push(letter);
                if after {
                    runs.end();
                }
            }
            None => runs.end(),
        }
    }
    runs.end();
    runs.closed
}

/// Returns the single character of a word, and whether a sign precedes and follows it.
fn single(word: &[u8]) -> Option<(bool, u8, bool)> {
    if let [letter] = word {
        return Some((false, *letter, false));
    }
    let word = Some(word).filter(|word| word.len() <= MAX_SINGLE && word.is_ascii())?;
    let mut letters = word.iter().enumerate().filter(|(_, letter)| is_url_safe(**letter));
    let (at, letter) = letters.next()?;
    letters.next().is_none().then_some((at > 0, *letter, at + 1 < word.len()))
}

#[derive(Default)]
struct Runs {
    closed: Vec<u8>,
    /// The start of the current run.
    begun: usize,
}

impl Runs {
    fn end(&mut self) {
        if self.closed.len() - self.begun < MIN_CREDENTIAL {
            self.closed.truncate(self.begun);
        } else {
            self.closed.push(b'\n');
            self.begun = self.closed.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(text: &str) -> String {
        String::from_utf8(closed_up(text.as_bytes())).unwrap()
    }

    #[test]
    fn single_characters_are_closed_up_and_words_are_not() {
        let spread = "a b c d e f g h i j k l m n o";
        assert_eq!(closed(spread), "abcdefghijklmno\n");
        assert_eq!(
            closed(&format!("it is: {spread}. And then ({spread}) and")),
            "abcdefghijklmno\n".repeat(2)
        );
        assert_eq!(closed(&spread.replace(' ', "\n")), "abcdefghijklmno\n");
        for text in
            ["", "a b c d e f g h i j k l m n", &spread.replace(' ', "  "), &spread.replace('h', "hh")]
        {
            assert_eq!(closed(text), "", "{text}");
        }
    }
}
