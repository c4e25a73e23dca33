/// Reads one JSON value a character at a time, strictly by RFC 8259.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    /// For each open container, whether it is an object.
    open: Vec<bool>,
    expects: Expects,
}

/// The effect of a character on the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    More,
    /// The value ends with this character.
    Done,
    /// The value ended before this character, which only happens with numbers.
    DoneBefore,
    Bad,
}

#[derive(Clone, Copy, Debug)]
enum Expects {
    Value,
    ItemOrEnd,
    KeyOrEnd,
    Key,
    Colon,
    CommaOrEnd,
    Text { key: bool, escape: Escape },
    Literal(&'static str),
    Number(Digits),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    Begun,
    Hex(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    PowerSign,
    Power,
}

const MAX_DEPTH: usize = 128;

impl Scanner {
    pub(super) fn new() -> Self {
        Self { open: Vec::new(), expects: Expects::Value }
    }

    pub(super) fn push(&mut self, c: char) -> Step {
        match self.expects {
            Expects::Text { key, escape } => self.text(c, key, escape),
            Expects::Literal(rest) => match rest.strip_prefix(c) {
                Some("") => self.end_value(),
                Some(rest) => self.more(Expects::Literal(rest)),
                None => Step::Bad,
            },
            Expects::Number(digits) => self.number(c, digits),
            _ if matches!(c, ' ' | '\t' | '\n' | '\r') => Step::More,
            Expects::Value => self.begin_value(c),
            Expects::ItemOrEnd if c == ']' => self.close(),
            Expects::ItemOrEnd => self.begin_value(c),
            Expects::KeyOrEnd if c == '}' => self.close(),
            Expects::KeyOrEnd | Expects::Key if c == '"' => {
                self.more(Expects::Text { key: true, escape: Escape::None })
            }
            Expects::Colon if c == ':' => self.more(Expects::Value),
            Expects::CommaOrEnd => match (c, self.open.last()) {
                (',', Some(true)) => self.more(Expects::Key),
                (',', Some(false)) => self.more(Expects::Value),
                ('}', Some(true)) | (']', Some(false)) => self.close(),
                _ => Step::Bad,
            },
            Expects::KeyOrEnd | Expects::Key | Expects::Colon => Step::Bad,
        }
    }

    fn more(&mut self, expects: Expects) -> Step {
        self.expects = expects;
        Step::More
    }

    fn begin_value(&mut self, c: char) -> Step {
        let expects = match c {
            '{' | '[' if self.open.len() == MAX_DEPTH => return Step::Bad,
            '{' => {
                self.open.push(true);
                Expects::KeyOrEnd
            }
            '[' => {
                self.open.push(false);
                Expects::ItemOrEnd
            }
            '"' => Expects::Text { key: false, escape: Escape::None },
            't' => Expects::Literal("rue"),
            'f' => Expects::Literal("alse"),
            'n' => Expects::Literal("ull"),
            '-' => Expects::Number(Digits::Minus),
            '0' => Expects::Number(Digits::Zero),
            '1'..='9' => Expects::Number(Digits::Whole),
            _ => return Step::Bad,
        };
        self.more(expects)
    }

    fn end_value(&mut self) -> Step {
        if self.open.is_empty() { Step::Done } else { self.more(Expects::CommaOrEnd) }
    }

    fn close(&mut self) -> Step {
        self.open.pop();
        self.end_value()
    }

    fn text(&mut self, c: char, key: bool, escape: Escape) -> Step {
        let escape = match (escape, c) {
            (Escape::None, '"') if key => return self.more(Expects::Colon),
            (Escape::None, '"') => return self.end_value(),
            (Escape::None, '\\') => Escape::Begun,
            (Escape::None, c) if c >= ' ' => Escape::None,
            (Escape::Begun, '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => Escape::None,
            (Escape::Begun, 'u') => Escape::Hex(4),
            (Escape::Hex(1), c) if c.is_ascii_hexdigit() => Escape::None,
            (Escape::Hex(left), c) if c.is_ascii_hexdigit() => Escape::Hex(left - 1),
            _ => return Step::Bad,
        };
        self.more(Expects::Text { key, escape })
    }

    fn number(&mut self, c: char, digits: Digits) -> Step {
        use Digits as D;
        let next = match (digits, c) {
            (D::Minus, '0') => D::Zero,
            (D::Minus | D::Whole, '0'..='9') => D::Whole,
            (D::Zero | D::Whole, '.') => D::Point,
            (D::Point | D::Fraction, '0'..='9') => D::Fraction,
            (D::Zero | D::Whole | D::Fraction, 'e' | 'E') => D::Exponent,
            (D::Exponent, '+' | '-') => D::PowerSign,
            (D::Exponent | D::PowerSign | D::Power, '0'..='9') => D::Power,
            (D::Zero | D::Whole | D::Fraction | D::Power, c) => {
                return match self.end_value() {
                    Step::Done => Step::DoneBefore,
                    _ if c.is_ascii_digit() => Step::Bad,
                    _ => self.push(c),
                };
            }
            _ => return Step::Bad,
        };
        self.more(Expects::Number(next))
    }
}
