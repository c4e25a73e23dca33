//! A pattern as a tree.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// What a pattern matches, part by part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// One character out of a set.
    Chars(ClassUnicode),
    /// One part after the other; without parts, the empty text.
    Sequence(Vec<Tree>),
    /// One of several; without options, nothing.
    Choice(Vec<Tree>),
    Repeat {
        of: Box<Tree>,
        least: u32,
        most: Option<u32>,
    },
    Look(Look),
}

/// What a place in a text must be like; it takes no character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Start,
    End,
    /// Between a letter of a word and something else, or anywhere but there.
    Boundary {
        holds: bool,
    },
    /// Text that comes ahead of the place, or that lies behind it, or that doesn't.
    Around {
        ahead: bool,
        holds: bool,
        of: Box<Tree>,
    },
}

impl Tree {
    pub(super) fn empty() -> Self {
        Self::Sequence(Vec::new())
    }

    pub(super) fn nothing() -> Self {
        Self::Choice(Vec::new())
    }

    /// Any text at all.
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
        let mut add = |option: Self| {
            if let Self::Chars(more) = &option
                && let Some(Self::Chars(set)) = all.iter_mut().find(|known| matches!(known, Self::Chars(_)))
            {
                set.union(more);
            } else if !all.contains(&option) {
                all.push(option);
            }
        };
        for option in options {
            match option {
                Self::Choice(within) => within.into_iter().for_each(&mut add),
                option => add(option),
            }
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

    /// Whether some part is a look.
    pub(super) fn looks(&self) -> bool {
        match self {
            Self::Chars(_) => false,
            Self::Sequence(parts) | Self::Choice(parts) => parts.iter().any(Self::looks),
            Self::Repeat { of, .. } => of.looks(),
            Self::Look(_) => true,
        }
    }

    /// Whether it matches the empty text, where looks are taken to hold.
    pub(super) fn is_nullable(&self) -> bool {
        match self {
            Self::Chars(_) => false,
            Self::Sequence(parts) => parts.iter().all(Self::is_nullable),
            Self::Choice(options) => options.iter().any(Self::is_nullable),
            Self::Repeat { of, least, .. } => *least == 0 || of.is_nullable(),
            Self::Look(_) => true,
        }
    }

    /// How many parts it has.
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

/// What a word is made of.
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
