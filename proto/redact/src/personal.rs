//! Texts that look like personal data. They are flagged for policies, and never rejected here.

use crate::steps;

/// The longest host name.
const MAX_HOST: usize = 255;
/// Maximum number of digits of a telephone number.
const MAX_PHONE: usize = 15;
const MIN_IBAN: usize = 15;
const MAX_IBAN: usize = 34;
const IBAN_HEAD: usize = 4;
/// The factor of a number, modulo 97, when the head is appended: two letters and two digits give
/// six digits.
const IBAN_HEAD_SHIFT: u32 = 1_000_000 % 97;
/// The longest printed IBAN, in groups of four.
const MAX_IBAN_TEXT: usize = 42;

/// Returns the kinds of personal data in a text, without duplicates. The work is linear in the
/// length of the text.
pub(crate) fn kinds(text: &str) -> impl Iterator<Item = &'static str> {
    let bytes = text.as_bytes();
    steps::count(bytes.len());
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    [
        (bytes.contains(&b'@') && email(bytes), "email"),
        (digits >= 8 && phone(bytes), "phone"),
        (digits >= 13 && card(bytes), "credit-card"),
        (digits >= 9 && iban(bytes), "iban"),
        (digits >= 9 && ssn(bytes), "us-ssn"),
    ]
    .into_iter()
    .filter_map(|(found, kind)| found.then_some(kind))
}

fn email(bytes: &[u8]) -> bool {
    let local = |b: u8| b.is_ascii_alphanumeric() || b"._%+-".contains(&b);
    let domain = |b: &u8| b.is_ascii_alphanumeric() || b".-".contains(b);
    positions(bytes, b'@').any(|at| {
        let host = &bytes[at + 1..];
        let host = &host[..host.iter().take(MAX_HOST).take_while(|b| domain(b)).count()];
        steps::count(host.len());
        let mut labels = host.rsplit(|b| *b == b'.').skip_while(|label| label.is_empty());
        let top =
            labels.next().is_some_and(|label| label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic));
        at > 0 && local(bytes[at - 1]) && top && labels.next().is_some_and(|label| !label.is_empty())
    })
}

/// Finds a number in international form: `+`, then 8 to 15 digits (E.164) with single separators.
fn phone(bytes: &[u8]) -> bool {
    positions(bytes, b'+').any(|at| {
        let first = bytes.get(at + 1).is_some_and(|b| (b'1'..=b'9').contains(b));
        first && {
            let number = &bytes[at + 1..];
            let number = &number[..number_length(number, b" -.()", MAX_PHONE + 1)];
            (8..=MAX_PHONE).contains(&number.iter().filter(|b| b.is_ascii_digit()).count())
        }
    })
}

/// Finds 13 to 16 or 19 digits with a valid check digit (Luhn, ISO/IEC 7812-1) and the prefix of a
/// payment card. Every number is read once, and the scanner looks for a card at its end.
fn card(bytes: &[u8]) -> bool {
    let mut at = 0;
    while let Some(gap) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let start = at + gap;
        let end = start + number_length(&bytes[start..], b" -", usize::MAX);
        if card_at_end(bytes, start, end) {
            return true;
        }
        at = end;
    }
    false
}

/// Returns whether digits that end at `end` and start a word after `start` are a card number.
fn card_at_end(bytes: &[u8], start: usize, end: usize) -> bool {
    let mut digits = [0; 19];
    let mut count = 0;
    for at in (start..end).rev().filter(|at| bytes[*at].is_ascii_digit()).take(digits.len()) {
        steps::count(1);
        digits[count] = bytes[at] - b'0';
        count += 1;
        let long = matches!(count, 13..=16 | 19) && begins_word(bytes, at);
        if long && matches!(digits[count - 1], 3..=6) && luhn(&digits[..count]) {
            return true;
        }
    }
    false
}

/// Returns whether the check digit is valid. The digits are in reverse order.
fn luhn(reversed: &[u8]) -> bool {
    steps::count(reversed.len());
    let sum = reversed.iter().enumerate().map(|(at, digit)| match (at % 2, digit * 2) {
        (0, _) => u32::from(*digit),
        (_, twice) => u32::from(twice / 10 + twice % 10),
    });
    sum.sum::<u32>() % 10 == 0
}

/// Finds two letters, two digits, 11 to 30 more characters, and a valid remainder (ISO 13616,
/// ISO/IEC 7064 MOD 97-10).
fn iban(bytes: &[u8]) -> bool {
    starts(bytes, |b| b.is_ascii_uppercase()).any(|at| {
        let text = &bytes[at..bytes.len().min(at + MAX_IBAN_TEXT)];
        let [letter, other, digit, check, rest @ ..] = text else { return false };
        let head = [*letter, *other, *digit, *check];
        if !other.is_ascii_uppercase() || !digit.is_ascii_digit() || !check.is_ascii_digit() {
            return false;
        }
        let head = head.iter().fold(0, |sum, byte| mod_97(sum, *byte));
        let mut remainder = 0;
        let rest = rest.iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b' ');
        rest.filter(|b| **b != b' ').take(MAX_IBAN - IBAN_HEAD).zip(IBAN_HEAD + 1..).any(|(byte, length)| {
            steps::count(1);
            remainder = mod_97(remainder, *byte);
            // Words in capitals may follow, so any length with a valid remainder counts.
            length >= MIN_IBAN && (remainder * IBAN_HEAD_SHIFT + head) % 97 == 1
        })
    })
}

/// Returns the remainder of a number with one more digit, or with a letter, which counts as two
/// digits.
fn mod_97(remainder: u32, byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    }
}

/// Finds `123-45-6789`, except ranges that are never issued.
fn ssn(bytes: &[u8]) -> bool {
    starts(bytes, |b| b.is_ascii_digit()).any(|at| {
        let Some(text) = bytes.get(at..at + 11) else { return false };
        let shaped = text.iter().enumerate().all(|(at, b)| match at {
            3 | 6 => *b == b'-',
            _ => b.is_ascii_digit(),
        });
        let given = !matches!(&text[..3], b"000" | b"666" | [b'9', ..])
            && &text[4..6] != b"00"
            && &text[7..] != b"0000";
        shaped && given && !bytes.get(at + 11).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'-')
    })
}

/// Returns where a word starts with a byte of a kind.
fn starts(bytes: &[u8], kind: impl Fn(&u8) -> bool) -> impl Iterator<Item = usize> {
    (0..bytes.len()).filter(move |at| kind(&bytes[*at]) && begins_word(bytes, *at))
}

fn begins_word(bytes: &[u8], at: usize) -> bool {
    at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'-')
}

fn positions(bytes: &[u8], wanted: u8) -> impl Iterator<Item = usize> {
    bytes.iter().enumerate().filter(move |(_, b)| **b == wanted).map(|(at, _)| at)
}

/// Returns the length of a number with a maximum number of digits, including one or two separators
/// between them.
fn number_length(bytes: &[u8], separators: &[u8], most: usize) -> usize {
    let (mut length, mut digits, mut gap) = (0, 0, 0);
    for (at, byte) in bytes.iter().enumerate() {
        steps::count(1);
        match byte {
            b'0'..=b'9' if digits < most => {
                digits += 1;
                gap = 0;
                length = at + 1;
            }
            byte if separators.contains(byte) && gap < 2 => gap += 1,
            _ => break,
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<&'static str> {
        kinds(text).collect()
    }

    #[test]
    fn personal_data_is_known_by_shape_and_check_digits() {
        for (kind, text) in [
            ("email", "write to jane.doe+x@mail.example.org."),
            ("phone", "call +49 (0)30 1234567 now"),
            ("credit-card", "card 4111-1111-1111-1111, thanks"),
            ("iban", "DE89 3704 0044 0532 0130 00"),
            ("iban", "pay to GB82WEST12345698765432 NOW"),
            ("us-ssn", "ssn: 078-05-1120"),
        ] {
            assert_eq!(of(text), [kind], "{text}");
        }
    }

    #[test]
    fn similar_texts_are_not_flagged() {
        for text in [
            "",
            "@",
            "a@b",
            "a@b.",
            "@example.org",
            "4111 1111 1111 1112",
            "DE89 3704 0044 0532 0130 01",
            "000-12-3456",
            "1234-078-05-1120",
            "078-05-11201",
            "1 + 1 = 2 and 12345678",
            "2026-11-20T23:36:30Z",
        ] {
            assert_eq!(of(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn no_text_is_looked_at_again_and_again() {
        const STEPS_A_BYTE: usize = 16;
        for unit in [
            "@",
            "a@",
            "a@b.",
            "@a.aa",
            "+",
            "+1",
            "+1 ",
            "+1234567",
            "1",
            "4 ",
            "4-",
            "4  ",
            "40 ",
            "4111 1111 1111 111x ",
            "1234567890123456789 ",
            "4444444444444 ",
            "AA11",
            "AA11 ",
            "AA11A ",
            "AA11 1111 1111 1111 1111 11 ",
            "078-05-1120x ",
            "000-12-3456 ",
            "- ",
            "4(",
            "A1 ",
        ] {
            let text = unit.repeat((1 << 13) / unit.len()) + "0123456789012";
            let steps = steps::of(|| _ = kinds(&text).count());
            assert!(steps <= STEPS_A_BYTE * text.len(), "{unit}: {steps} steps for {} bytes", text.len());
        }
    }

    #[test]
    fn a_text_may_hold_several_kinds() {
        assert_eq!(of("a@b.org +14155550100"), ["email", "phone"]);
    }
}
