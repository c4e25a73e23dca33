//! Letters, digits and spaces that look like ASCII.

/// Returns the ASCII character that a character means or looks like, or `None`.
pub(crate) fn as_ascii(c: char) -> Option<char> {
    if c.is_ascii() { None } else { compatible(c).or_else(|| letterlike(c)).or_else(|| foreign(c)) }
}

/// Maps full-width, circled and mathematical letters and digits, other hyphens and other spaces (as
/// in Unicode's NFKC).
fn compatible(c: char) -> Option<char> {
    let code = u32::from(c);
    let ascii = match code {
        0xff01..=0xff5e => code - 0xfee0,
        0x1d400..=0x1d6a3 => match (code - 0x1d400) % 52 {
            letter @ 0..26 => u32::from(b'A') + letter,
            letter => u32::from(b'a') + letter - 26,
        },
        0x1d7ce..=0x1d7ff => u32::from(b'0') + (code - 0x1d7ce) % 10,
        0x24b6..=0x24cf => u32::from(b'A') + code - 0x24b6,
        0x24d0..=0x24e9 => u32::from(b'a') + code - 0x24d0,
        0x2010..=0x2015 | 0x2212 => u32::from(b'-'),
        0xa0 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => u32::from(b' '),
        _ => return None,
    };
    char::from_u32(ascii)
}

/// Maps letters among the symbols, which fill gaps in the mathematical alphabets (as in NFKC).
fn letterlike(c: char) -> Option<char> {
    Some(match c {
        '\u{212c}' => 'B',
        '\u{2102}' | '\u{212d}' => 'C',
        '\u{2145}' => 'D',
        '\u{2130}' => 'E',
        '\u{2131}' => 'F',
        '\u{210b}'..='\u{210d}' => 'H',
        '\u{2110}' | '\u{2111}' => 'I',
        '\u{212a}' => 'K',
        '\u{2112}' => 'L',
        '\u{2133}' => 'M',
        '\u{2115}' => 'N',
        '\u{2119}' => 'P',
        '\u{211a}' => 'Q',
        '\u{211b}'..='\u{211d}' => 'R',
        '\u{2124}' | '\u{2128}' => 'Z',
        '\u{2146}' => 'd',
        '\u{212f}' | '\u{2147}' => 'e',
        '\u{210a}' => 'g',
        '\u{210e}' => 'h',
        '\u{2139}' | '\u{2148}' => 'i',
        '\u{2149}' => 'j',
        '\u{2113}' => 'l',
        '\u{2134}' => 'o',
        '\u{17f}' => 's',
        _ => return None,
    })
}

/// Maps letters of Cyrillic, Greek and Armenian, and of Latin beyond ASCII, that look the same
/// (after Unicode's `confusables.txt`).
fn foreign(c: char) -> Option<char> {
    Some(match c {
        '\u{410}' | '\u{391}' => 'A',
        '\u{412}' | '\u{392}' => 'B',
        '\u{421}' | '\u{3f9}' => 'C',
        '\u{415}' | '\u{395}' => 'E',
        '\u{50c}' => 'G',
        '\u{41d}' | '\u{397}' => 'H',
        '\u{406}' | '\u{4c0}' | '\u{399}' => 'I',
        '\u{408}' | '\u{37f}' => 'J',
        '\u{41a}' | '\u{39a}' => 'K',
        '\u{41c}' | '\u{39c}' => 'M',
        '\u{39d}' => 'N',
        '\u{41e}' | '\u{39f}' | '\u{555}' => 'O',
        '\u{420}' | '\u{3a1}' => 'P',
        '\u{51a}' => 'Q',
        '\u{405}' | '\u{54f}' => 'S',
        '\u{422}' | '\u{3a4}' => 'T',
        '\u{54d}' => 'U',
        '\u{51c}' => 'W',
        '\u{425}' | '\u{3a7}' => 'X',
        '\u{4ae}' | '\u{423}' | '\u{3a5}' => 'Y',
        '\u{396}' => 'Z',
        '\u{430}' | '\u{3b1}' | '\u{251}' => 'a',
        '\u{44c}' | '\u{42c}' => 'b',
        '\u{441}' | '\u{3f2}' | '\u{1d04}' => 'c',
        '\u{501}' => 'd',
        '\u{435}' => 'e',
        '\u{261}' | '\u{581}' => 'g',
        '\u{4bb}' | '\u{570}' => 'h',
        '\u{456}' | '\u{3b9}' | '\u{131}' => 'i',
        '\u{458}' | '\u{3f3}' => 'j',
        '\u{43a}' | '\u{3ba}' | '\u{1d0b}' => 'k',
        '\u{4cf}' => 'l',
        '\u{578}' | '\u{3b7}' => 'n',
        '\u{43e}' | '\u{3bf}' | '\u{585}' | '\u{1d0f}' => 'o',
        '\u{440}' | '\u{3c1}' => 'p',
        '\u{51b}' => 'q',
        '\u{433}' => 'r',
        '\u{455}' | '\u{a731}' => 's',
        '\u{442}' | '\u{3c4}' | '\u{1d1b}' => 't',
        '\u{57d}' | '\u{3c5}' | '\u{1d1c}' => 'u',
        '\u{475}' | '\u{3bd}' | '\u{1d20}' => 'v',
        '\u{51d}' | '\u{1d21}' => 'w',
        '\u{445}' | '\u{3c7}' => 'x',
        '\u{443}' | '\u{4af}' | '\u{3b3}' => 'y',
        '\u{1d22}' => 'z',
        '\u{417}' | '\u{437}' => '3',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_a_prefix_has_look_alikes() {
        for (text, expected) in [
            ("\u{410}\u{41a}\u{406}\u{410}", "AKIA"),
            ("\u{391}\u{39a}\u{399}\u{391}", "AKIA"),
            ("\u{261}\u{4bb}\u{440}", "ghp"),
            ("\u{455}\u{43a}\u{2011}", "sk-"),
            ("\u{445}\u{43e}\u{445}\u{44c}", "xoxb"),
            ("\u{441}\u{442}\u{445}", "ctx"),
            ("\u{435}\u{443}\u{408}", "eyJ"),
            ("\u{433}\u{43a}", "rk"),
            ("\u{4cf}\u{456}\u{475}\u{435}", "live"),
            ("\u{212a}\u{210e}\u{17f}\u{24d0}\u{24b6}", "KhsaA"),
            ("a", ""),
            ("\u{44f}\u{436}\u{3c9}\u{e9}\u{65e5}", ""),
        ] {
            assert_eq!(text.chars().filter_map(as_ascii).collect::<String>(), expected, "{text}");
        }
    }
}
