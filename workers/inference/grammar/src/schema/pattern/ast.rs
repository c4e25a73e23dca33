//! The syntax tree of a pattern.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// With how many options of a choice a new one is compared.
const MAX_COMPARED: usize = 64;

/// A pattern or part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ast {
    /// One character out of a set.
    Chars(ClassUnicode),
    /// Consecutive parts; without parts, the empty text.
    Sequence(Vec<Ast>),
    /// Alternatives; without options, no text at all.
    Choice(Vec<Ast>),
    Repeat {
        of: Box<Ast>,
        least: u32,
        most: Option<u32>,
    },
    Look(Look),
}

/// A zero-width assertion: a condition on a position in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Start,
    End,
    /// `\b`, or `\B` if negated.
    Boundary {
        holds: bool,
    },
    /// Look-ahead or look-behind, negative if negated.
    Around {
        ahead: bool,
        holds: bool,
        of: Box<Ast>,
    },
}

impl Ast {
    pub(super) fn empty() -> Self {
        Self::Sequence(Vec::new())
    }

    pub(super) fn nothing() -> Self {
        Self::Choice(Vec::new())
    }

    /// Returns a pattern of any text.
    pub(super) fn any() -> Self {
        Self::Repeat { of: Box::new(Self::Chars(all())), least: 0, most: None }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Choice(options) if options.is_empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Sequence(parts) if parts.is_empty())
    }

    pub(super) fn chars(set: ClassUnicode) -> Self {
        if set.ranges().is_empty() { Self::nothing() } else { Self::Chars(set) }
    }

    pub(super) fn sequence(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for part in parts {
            match part {
                Self::Sequence(within) => all.extend(within),
                part if part.is_nothing() => return part,
                part => all.push(part),
            }
        }
        if all.len() == 1 { all.swap_remove(0) } else { Self::Sequence(all) }
    }

    pub(super) fn choice(options: impl IntoIterator<Item = Self>) -> Self {
        let mut all: Vec<Self> = Vec::new();
        let (mut ranges, mut chars_at) = (Vec::new(), None);
        let mut add = |option: Self| match option {
            Self::Chars(set) => {
                ranges.extend_from_slice(set.ranges());
                chars_at.get_or_insert_with(|| {
                    all.push(Self::Chars(set));
                    all.len() - 1
                });
            }
            option if all.len() < MAX_COMPARED && all.contains(&option) => {}
            option => all.push(option),
        };
        for option in options {
            match option {
                Self::Choice(within) => within.into_iter().for_each(&mut add),
                option => add(option),
            }
        }
        if let Some(place) = chars_at {
            all[place] = Self::Chars(ClassUnicode::new(ranges));
        }
        if all.len() == 1 { all.swap_remove(0) } else { Self::Choice(all) }
    }

    pub(super) fn repeat(of: Self, least: u32, most: Option<u32>) -> Self {
        match (least, most) {
            (_, Some(0)) => Self::empty(),
            (1, Some(1)) => of,
            _ if of.is_empty() => of,
            (0, _) if of.is_nothing() => Self::empty(),
            _ if of.is_nothing() => of,
            _ => Self::Repeat { of: Box::new(of), least, most },
        }
    }

    /// Returns whether some part is an assertion.
    pub(super) fn has_assertion(&self) -> bool {
        match self {
            Self::Chars(_) => false,
            Self::Sequence(parts) | Self::Choice(parts) => parts.iter().any(Self::has_assertion),
            Self::Repeat { of, .. } => of.has_assertion(),
            Self::Look(_) => true,
        }
    }

    /// Returns whether it matches the empty text if all assertions hold.
    pub(super) fn is_nullable(&self) -> bool {
        match self {
            Self::Chars(_) => false,
            Self::Sequence(parts) => parts.iter().all(Self::is_nullable),
            Self::Choice(options) => options.iter().any(Self::is_nullable),
            Self::Repeat { of, least, .. } => *least == 0 || of.is_nullable(),
            Self::Look(_) => true,
        }
    }

    /// Returns about how many parts it has.
    pub(super) fn size(&self) -> usize {
        1 + match self {
            Self::Chars(set) => set.ranges().len() / 4,
            Self::Sequence(parts) | Self::Choice(parts) => parts.iter().map(Self::size).sum(),
            Self::Repeat { of, .. } => of.size(),
            Self::Look(Look::Around { of, .. }) => of.size(),
            Self::Look(_) => 0,
        }
    }
}

pub(super) fn all() -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)])
}

pub(super) fn set(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|(first, last)| ClassUnicodeRange::new(*first, *last)))
}

pub(super) fn but(mut set: ClassUnicode) -> ClassUnicode {
    set.negate();
    set
}

pub(super) fn digits() -> ClassUnicode {
    set(&[('0', '9')])
}

/// The characters of `\w`.
pub(super) fn letters() -> ClassUnicode {
    set(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')])
}

pub(super) fn blanks() -> ClassUnicode {
    set(&[
        ('\t', '\r'),
        (' ', ' '),
        ('\u{A0}', '\u{A0}'),
        ('\u{1680}', '\u{1680}'),
        ('\u{2000}', '\u{200A}'),
        ('\u{2028}', '\u{2029}'),
        ('\u{202F}', '\u{202F}'),
        ('\u{205F}', '\u{205F}'),
        ('\u{3000}', '\u{3000}'),
        ('\u{FEFF}', '\u{FEFF}'),
    ])
}

pub(super) fn line_ends() -> ClassUnicode {
    set(&[('\n', '\n'), ('\r', '\r'), ('\u{2028}', '\u{2029}')])
}
