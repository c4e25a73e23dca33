//! Texts that look like personal data. They are flagged for policies to decide on, never refused here.

/// The kinds of personal data in a text, each once.
pub(super) fn kinds(text: &str) -> impl Iterator<Item = &'static str> {
    let bytes = text.as_bytes();
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
    let at_signs = bytes.iter().enumerate().filter(|(_, b)| **b == b'@').map(|(at, _)| at);
    at_signs.into_iter().any(|at| {
        let host: Vec<u8> = bytes[at + 1..].iter().copied().take(255).take_while(domain).collect();
        let mut labels = host.rsplit(|b| *b == b'.').skip_while(|label| label.is_empty());
        let top =
            labels.next().is_some_and(|label| label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic));
        at > 0 && local(bytes[at - 1]) && top && labels.next().is_some_and(|label| !label.is_empty())
    })
}

/// A number in international form: `+`, then 8 to 15 digits (E.164) with single separators.
fn phone(bytes: &[u8]) -> bool {
    let pluses = bytes.iter().enumerate().filter(|(_, b)| **b == b'+').map(|(at, _)| at);
    pluses.into_iter().any(|at| {
        let first = bytes.get(at + 1).is_some_and(|b| (b'1'..=b'9').contains(b));
        first && (8..=15).contains(&run(&bytes[at + 1..], b" -.()").len())
    })
}

/// 13 to 16 or 19 digits with the right check digit (Luhn, ISO/IEC 7812-1), beginning as payment cards do.
fn card(bytes: &[u8]) -> bool {
    starts(bytes, |b| b.is_ascii_digit()).any(|at| {
        let digits = run(&bytes[at..], b" -");
        matches!(digits.first(), Some(3..=6)) && matches!(digits.len(), 13..=16 | 19) && luhn(&digits)
    })
}

fn luhn(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().map(|(at, digit)| match (at % 2, digit * 2) {
        (0, _) => u32::from(*digit),
        (_, twice) => u32::from(twice / 10 + twice % 10),
    });
    sum.sum::<u32>() % 10 == 0
}

/// Two letters, two digits, 11 to 30 more, and the right remainder (ISO 13616, ISO/IEC 7064 MOD 97-10).
fn iban(bytes: &[u8]) -> bool {
    let head = |at: usize| {
        matches!(bytes.get(at + 1..at + 4), Some([letter, digits @ ..])
            if letter.is_ascii_uppercase() && digits.iter().all(u8::is_ascii_digit))
    };
    starts(bytes, |b| b.is_ascii_uppercase()).filter(|at| head(*at)).any(|at| {
        let text = bytes[at..].iter().copied().take(42);
        let text: Vec<u8> =
            text.take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ').collect();
        let text: Vec<u8> = text.into_iter().filter(|b| *b != b' ').take(34).collect();
        // Words in capitals may follow: any length that adds up counts.
        (15..=text.len()).any(|length| mod_97(&text[4..length], &text[..4]) == 1)
    })
}

fn mod_97(rest: &[u8], head: &[u8]) -> u32 {
    rest.iter().chain(head).fold(0, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        _ => (sum * 100 + u32::from(byte - b'A') + 10) % 97,
    })
}

/// `123-45-6789` with the ranges that are never given out left aside.
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

/// Where a word begins with a byte of a kind.
fn starts(bytes: &[u8], kind: impl Fn(&u8) -> bool) -> impl Iterator<Item = usize> {
    let word = move |at: &usize| {
        kind(&bytes[*at]) && (*at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'-'))
    };
    (0..bytes.len()).filter(word)
}

/// The digits from here on, over single separators, at most 20.
fn run(bytes: &[u8], separators: &[u8]) -> Vec<u8> {
    let mut digits = Vec::new();
    let mut gap = 0;
    for byte in bytes {
        match byte {
            b'0'..=b'9' if digits.len() < 20 => {
                digits.push(byte - b'0');
                gap = 0;
            }
            byte if separators.contains(byte) && gap < 2 => gap += 1,
            _ => break,
        }
    }
    digits
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
    fn what_only_looks_alike_is_left_alone() {
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
    fn a_text_may_hold_several_kinds() {
        assert_eq!(of("a@b.org +14155550100"), ["email", "phone"]);
    }
}
