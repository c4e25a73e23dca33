//! Parses patterns as defined by ECMA-262. Patterns that validators interpret differently are
//! rejected.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::ast::{Ast, Look, all, blanks, but, digits, letters, line_ends, set};

const MAX_DEPTH: usize = 64;
/// How long a pattern may be, in bytes.
const MAX_BYTES: usize = 64 * 1024;
const MAX_REPEATS: u32 = 65_536;

/// Why a pattern is rejected.
type Fault = String;

pub(super) fn parse(pattern: &str) -> Result<Ast, Fault> {
    if pattern.len() > MAX_BYTES {
        return Err(format!("it is longer than {MAX_BYTES} bytes"));
    }
    let mut reader =
        Reader { letters: pattern.chars().collect(), at: 0, depth: 0, any_case: false, any_dot: false };
    let tree = reader.choice()?;
    match reader.peek() {
        None => Ok(tree),
        Some(_) => Err("unmatched `)`".to_owned()),
    }
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    depth: usize,
    /// Flag `i`.
    any_case: bool,
    /// Flag `s`.
    any_dot: bool,
}

/// The meaning of a backslash escape. Flags apply to letters only.
enum Escape {
    Letter(char),
    Set(ClassUnicode),
    Look(Look),
}

/// A member of a character class.
enum Member {
    Letter(char),
    Set(ClassUnicode),
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn takes(&mut self, text: &str) -> bool {
        let fits =
            text.chars().enumerate().all(|(at, letter)| self.letters.get(self.at + at) == Some(&letter));
        if fits {
            self.at += text.chars().count();
        }
        fits
    }

    fn choice(&mut self) -> Result<Ast, Fault> {
        let mut options = vec![self.sequence()?];
        while self.takes("|") {
            options.push(self.sequence()?);
        }
        Ok(Ast::choice(options))
    }

    fn sequence(&mut self) -> Result<Ast, Fault> {
        let mut parts = Vec::new();
        while let Some(letter) = self.peek().filter(|letter| !matches!(letter, '|' | ')')) {
            self.at += 1;
            let part = self.part(letter)?;
            parts.push(self.repeated(part)?);
        }
        Ok(Ast::sequence(parts))
    }

    fn part(&mut self, letter: char) -> Result<Ast, Fault> {
        Ok(match letter {
            '^' => Ast::Look(Look::Start),
            '$' => Ast::Look(Look::End),
            '.' if self.any_dot => Ast::Chars(all()),
            '.' => Ast::Chars(but(line_ends())),
            '[' => Ast::chars(self.brackets()?),
            '(' => self.group()?,
            '\\' => self.escaped()?,
            '*' | '+' | '?' => return Err(format!("`{letter}` has nothing to repeat")),
            '{' if self.counts()?.is_some() => return Err("`{` has nothing to repeat".to_owned()),
            letter => self.letter(letter),
        })
    }

    fn letter(&self, letter: char) -> Ast {
        Ast::Chars(self.in_any_case(set(&[(letter, letter)])))
    }

    fn escaped(&mut self) -> Result<Ast, Fault> {
        Ok(match self.escape()? {
            Escape::Letter(letter) => self.letter(letter),
            Escape::Set(set) => Ast::Chars(set),
            Escape::Look(look) => Ast::Look(look),
        })
    }

    fn in_any_case(&self, mut set: ClassUnicode) -> ClassUnicode {
        if self.any_case {
            set.case_fold_simple();
        }
        set
    }

    fn repeated(&mut self, part: Ast) -> Result<Ast, Fault> {
        let before = self.at;
        let counts = match self.next() {
            Some('*') => Some((0, None)),
            Some('+') => Some((1, None)),
            Some('?') => Some((0, Some(1))),
            Some('{') => self.counts()?,
            _ => None,
        };
        let Some((least, most)) = counts else {
            self.at = before;
            return Ok(part);
        };
        self.takes("?");
        if let Some(again @ ('*' | '+' | '?')) = self.peek() {
            return Err(format!("`{again}` has nothing to repeat"));
        }
        if matches!(part, Ast::Look(_)) {
            return Err("it repeats something that matches no character".to_owned());
        }
        Ok(Ast::repeat(part, least, most))
    }

    /// Reads the counts after a `{`. Consumes nothing and returns `None` if it is a plain
    /// character.
    fn counts(&mut self) -> Result<Option<(u32, Option<u32>)>, Fault> {
        let from = self.at;
        let least = self.number()?;
        let comma = self.takes(",");
        let most = if comma { self.number()? } else { least };
        if !self.takes("}") || least.is_none() && (most.is_none() || !comma) {
            self.at = from;
            return Ok(None);
        }
        let Some(least) = least else {
            return Err("validators interpret `{,` differently (write `{0,`)".to_owned());
        };
        if most.is_some_and(|most| most < least) {
            return Err("a repetition's maximum is less than its minimum".to_owned());
        }
        Ok(Some((least, most)))
    }

    fn number(&mut self) -> Result<Option<u32>, Fault> {
        let mut number = None;
        while let Some(digit) = self.peek().and_then(|letter| letter.to_digit(10)) {
            self.at += 1;
            let next = number.unwrap_or(0_u32).saturating_mul(10).saturating_add(digit);
            if next > MAX_REPEATS {
                return Err(format!("a repetition count is greater than {MAX_REPEATS}"));
            }
            number = Some(next);
        }
        Ok(number)
    }

    fn group(&mut self) -> Result<Ast, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("groups are nested more than {MAX_DEPTH} levels deep"));
        }
        let flags = (self.any_case, self.any_dot);
        let around = |ahead, holds| Some((ahead, holds));
        let mut look = None;
        if self.takes("?") {
            if self.takes("=") {
                look = around(true, true);
            } else if self.takes("!") {
                look = around(true, false);
            } else if self.takes("<=") {
                look = around(false, true);
            } else if self.takes("<!") {
                look = around(false, false);
            } else if self.takes("<") || self.takes("P<") {
                while self.next().ok_or("unterminated group name")? != '>' {}
            } else if self.flags()? {
                self.depth -= 1;
                return Ok(Ast::empty());
            }
        }
        let tree = self.choice()?;
        if !self.takes(")") {
            return Err("unclosed group".to_owned());
        }
        (self.any_case, self.any_dot) = flags;
        self.depth -= 1;
        Ok(match look {
            Some((ahead, holds)) => Ast::Look(Look::Around { ahead, holds, of: Box::new(tree) }),
            None => tree,
        })
    }

    /// Reads the flags of a group. Returns whether the group ends with them, so that they apply to
    /// what follows it.
    fn flags(&mut self) -> Result<bool, Fault> {
        let mut on = true;
        loop {
            match self.next() {
                Some('i') => self.any_case = on,
                Some('s') => self.any_dot = on,
                Some('-') if on => on = false,
                Some(':') => return Ok(false),
                Some(')') => return Ok(true),
                Some(flag) => return Err(format!("unsupported group `(?{flag}`")),
                None => return Err("unclosed group".to_owned()),
            }
        }
    }

    fn brackets(&mut self) -> Result<ClassUnicode, Fault> {
        let is_negated = self.takes("^");
        if self.peek() == Some(']') {
            return Err("validators interpret empty brackets differently".to_owned());
        }
        let (mut letters, mut sets) = (Vec::new(), ClassUnicode::empty());
        while let Some(first) = self.member()? {
            let is_last = self.peek() == Some('-') && self.letters.get(self.at + 1) == Some(&']');
            let second = if !is_last && self.takes("-") { self.member()? } else { None };
            let mut add = |first, last| letters.push(ClassUnicodeRange::new(first, last));
            match (first, second) {
                (Member::Letter(first), Some(Member::Letter(last))) if last < first => {
                    return Err(format!("the range `{first}-{last}` is reversed"));
                }
                (Member::Letter(first), Some(Member::Letter(last))) => add(first, last),
                (first, second) => {
                    // Next to a set, a hyphen is a plain character.
                    if second.is_some() {
                        add('-', '-');
                    }
                    for member in [Some(first), second].into_iter().flatten() {
                        match member {
                            Member::Letter(letter) => add(letter, letter),
                            Member::Set(set) => sets.union(&set),
                        }
                    }
                }
            }
        }
        let mut found = self.in_any_case(ClassUnicode::new(letters));
        found.union(&sets);
        Ok(if is_negated { but(found) } else { found })
    }

    /// Reads the next member of a class, or returns `None` at its end.
    fn member(&mut self) -> Result<Option<Member>, Fault> {
        match self.next().ok_or("unclosed `[`")? {
            ']' => Ok(None),
            '\\' if self.takes("b") => Ok(Some(Member::Letter('\u{8}'))),
            '\\' => match self.escape()? {
                Escape::Letter(letter) => Ok(Some(Member::Letter(letter))),
                Escape::Set(set) => Ok(Some(Member::Set(set))),
                Escape::Look(_) => Err("an escape in brackets does not represent a character".to_owned()),
            },
            letter => Ok(Some(Member::Letter(letter))),
        }
    }

    /// Reads the rest of a backslash escape.
    fn escape(&mut self) -> Result<Escape, Fault> {
        let letter = self.next().ok_or("the pattern ends with a backslash")?;
        let set = match letter {
            'd' => digits(),
            'D' => but(digits()),
            'w' => letters(),
            'W' => but(letters()),
            's' => blanks(),
            'S' => but(blanks()),
            'p' | 'P' => self.property(letter)?,
            'b' => return Ok(Escape::Look(Look::Boundary { holds: true })),
            'B' => return Ok(Escape::Look(Look::Boundary { holds: false })),
            letter => return self.escaped_letter(letter).map(Escape::Letter),
        };
        Ok(Escape::Set(set))
    }

    fn escaped_letter(&mut self, letter: char) -> Result<char, Fault> {
        Ok(match letter {
            '0' if self.peek().is_none_or(|next| !next.is_ascii_digit()) => '\0',
            '0'..='9' | 'k' => return Err("back-references are not supported".to_owned()),
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\u{C}',
            'v' => '\u{B}',
            'c' => {
                let letter = self.next().filter(char::is_ascii_alphabetic);
                let letter = letter.ok_or("`\\c` must be followed by a letter")?;
                char::from(letter as u8 % 32)
            }
            'x' => self.by_number(2)?,
            'u' => self.by_number(4)?,
            letter if letter.is_ascii_alphanumeric() => {
                return Err(format!("unknown escape `\\{letter}`"));
            }
            letter => letter,
        })
    }

    fn by_number(&mut self, digits: usize) -> Result<char, Fault> {
        let code = if digits == 4 && self.takes("{") {
            let mut code = 0_u32;
            loop {
                match self.next() {
                    Some('}') => break code,
                    Some(digit) => code = digit_onto(code, Some(digit))?,
                    None => return Err("unclosed `{`".to_owned()),
                }
            }
        } else {
            self.hex(digits)?
        };
        let code = match code {
            0xD800..0xDC00 if self.takes("\\u") => {
                let low = self.hex(4)?;
                match low {
                    0xDC00..0xE000 => 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00),
                    _ => return Err("lone surrogates are not supported".to_owned()),
                }
            }
            code => code,
        };
        Ok(char::from_u32(code).ok_or("lone surrogates are not supported")?)
    }

    fn hex(&mut self, digits: usize) -> Result<u32, Fault> {
        (0..digits).try_fold(0, |code, _| digit_onto(code, self.next()))
    }

    fn property(&mut self, letter: char) -> Result<ClassUnicode, Fault> {
        let name: String = if self.takes("{") {
            let mut name = String::new();
            loop {
                match self.next() {
                    Some('}') => break name,
                    Some(next) if next.is_ascii_alphanumeric() || matches!(next, '_' | '=') => {
                        name.push(next)
                    }
                    _ => return Err(format!("`\\{letter}` must be followed by a property")),
                }
            }
        } else {
            self.next().filter(char::is_ascii_alphabetic).into_iter().collect()
        };
        let parsed = regex_syntax::parse(&format!("\\{letter}{{{name}}}"));
        match parsed.map(|found| found.into_kind()) {
            Ok(HirKind::Class(Class::Unicode(found))) => Ok(found),
            _ => Err(format!("unknown character property `{name}`")),
        }
    }
}

fn digit_onto(code: u32, digit: Option<char>) -> Result<u32, Fault> {
    let digit =
        digit.and_then(|digit| digit.to_digit(16)).ok_or("an escape has an invalid hexadecimal number")?;
    Some(code * 16 + digit)
        .filter(|code| *code <= 0x10_FFFF)
        .ok_or_else(|| "an escape's number is not a valid character".to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn ambiguous_patterns_are_rejected() {
        for pattern in [
            "(",
            ")",
            "a**",
            "*",
            "a{,3}",
            "a{3,2}",
            "[z-a]",
            r"\1",
            r"(?<n>a)\k<n>",
            "(?>a)",
            "(?m)a",
            r"\q",
            r"\A",
            r"a\Z",
            r"\x{2}",
            "\\",
            r"\u12",
            r"\ud800",
            r"\p{Nonsense}",
            "[a",
            "[]",
            "[^]",
            "{2}",
            "^*",
            "(?=a)+",
            r"\u{110000}",
            "a{99999}",
            &"a".repeat(65_537),
        ] {
            assert!(parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn unambiguous_patterns_are_parsed() {
        for pattern in [
            "",
            "a|",
            "{",
            "a{",
            "a{x}",
            "}",
            "]",
            r"[\w-.]",
            r"[a\-z]",
            r"\u{1F600}",
            r"\ud83d\ude00",
            r"\p{Lu}\P{L}\pL",
            "(?i)a",
            "(?i:a)b",
            "(?<year>a)",
            "(?P<year>a)",
            r"\cA",
            r"\/\-\_",
            "a+?",
            "a{2,}?",
        ] {
            assert!(parse(pattern).is_ok(), "{pattern}: {:?}", parse(pattern));
        }
    }
}
