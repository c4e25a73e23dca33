//! The alphabet of byte-level BPE: one printable character per byte, as introduced by GPT-2. Bytes
//! that are printable in Latin-1 map to themselves; the others follow in order from U+0100.

/// The character that represents a byte.
pub(crate) const fn letter(byte: u8) -> char {
    LETTERS[byte as usize]
}

/// The byte that a character represents.
pub(crate) fn byte(letter: char) -> Option<u8> {
    match letter as u32 {
        code @ (0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) => Some(code as u8),
        code @ 0x100..=0x143 => Some(SHIFTED[(code - 0x100) as usize]),
        _ => None,
    }
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff)
}

/// The bytes that don't map to themselves, in order.
const SHIFTED: [u8; 68] = {
    let mut shifted = [0; 68];
    let (mut byte, mut count) = (0, 0);
    while byte < 256 {
        if !is_printable(byte as u8) {
            shifted[count] = byte as u8;
            count += 1;
        }
        byte += 1;
    }
    shifted
};

const LETTERS: [char; 256] = {
    let mut letters = ['\0'; 256];
    let (mut byte, mut count) = (0, 0);
    while byte < 256 {
        letters[byte] = if is_printable(byte as u8) {
            byte as u8 as char
        } else {
            count += 1;
            match char::from_u32(0x100 + count - 1) {
                Some(letter) => letter,
                None => panic!("U+0100 to U+0143 are characters"),
            }
        };
        byte += 1;
    }
    letters
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_letter() {
        assert!((0..=255).all(|value| byte(letter(value)) == Some(value)));
        assert_eq!((letter(b' '), letter(b'\n'), letter(0xad), letter(b'a')), ('Ġ', 'Ċ', 'Ń', 'a'));
        assert_eq!((byte(' '), byte('ń')), (None, None));
    }
}
