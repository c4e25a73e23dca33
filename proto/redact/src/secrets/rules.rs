//! The forms of credentials: a unique prefix, then a token.

/// A credential: a fixed prefix, then the characters of a token.
pub(super) struct Rule {
    pub(super) kind: &'static str,
    pub(super) prefix: &'static str,
    pub(super) token: Token,
    /// What the token must contain if the prefix starts a word.
    pub(super) alone: Proof,
    /// What it must contain if a letter or digit precedes the prefix. It must contain more, because
    /// encoded bytes and ordinary words contain a prefix by chance: `task-`, `SLOVAKIA`.
    pub(super) glued: Proof,
}

/// The characters of a token.
#[derive(Clone, Copy)]
pub(super) enum Token {
    UpperOrDigit,
    Alphanumeric,
    /// Letters, digits and `_`.
    Word,
    /// Letters, digits, `_` and `-`.
    UrlSafe,
}

impl Token {
    pub(super) fn holds(self, b: u8) -> bool {
        match self {
            Self::UpperOrDigit => b.is_ascii_uppercase() || b.is_ascii_digit(),
            Self::Alphanumeric => b.is_ascii_alphanumeric(),
            Self::Word => b.is_ascii_alphanumeric() || b == b'_',
            Self::UrlSafe => is_url_safe(b),
        }
    }
}

pub(super) fn is_url_safe(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
}

/// What distinguishes a token from a word.
#[derive(Clone, Copy)]
pub(super) enum Proof {
    Never,
    /// It has at least this number of characters.
    Long(usize),
    /// It has at least this number of characters, including a digit.
    Digit(usize),
    /// It has at least this number of characters, with a digit and an upper-case letter anywhere.
    Mixed(usize),
    /// It has exactly this number of characters, including a digit.
    Exactly(usize),
}

const fn rule(kind: &'static str, prefix: &'static str, token: Token, alone: Proof, glued: Proof) -> Rule {
    Rule { kind, prefix, token, alone, glued }
}

use Proof::{Digit, Exactly, Long, Mixed, Never};
use Token::{Alphanumeric, UpperOrDigit, UrlSafe, Word};

const AWS: [Rule; 2] = [
    rule("aws-access-key", "AKIA", UpperOrDigit, Long(16), Digit(16)),
    rule("aws-access-key", "ASIA", UpperOrDigit, Long(16), Digit(16)),
];
const GITHUB: [Rule; 6] = [
    rule("github-token", "ghp_", Alphanumeric, Long(36), Exactly(36)),
    rule("github-token", "gho_", Alphanumeric, Long(36), Exactly(36)),
    rule("github-token", "ghu_", Alphanumeric, Long(36), Exactly(36)),
    rule("github-token", "ghs_", Alphanumeric, Long(36), Exactly(36)),
    rule("github-token", "ghr_", Alphanumeric, Long(36), Exactly(36)),
    rule("github-token", "github_pat_", Word, Long(50), Digit(50)),
];
const SK: [Rule; 6] = [
    rule("anthropic-key", "sk-ant-", UrlSafe, Long(20), Mixed(40)),
    rule("openai-key", "sk-proj-", UrlSafe, Long(20), Mixed(40)),
    rule("openai-key", "sk-", UrlSafe, Mixed(20), Never),
    rule("openai-key", "sk-", Alphanumeric, Never, Exactly(48)),
    rule("stripe-key", "sk_live_", Alphanumeric, Long(16), Digit(16)),
    rule("stripe-key", "rk_live_", Alphanumeric, Long(16), Digit(16)),
];
const SLACK: [Rule; 5] = [
    rule("slack-token", "xoxb-", UrlSafe, Digit(10), Digit(10)),
    rule("slack-token", "xoxp-", UrlSafe, Digit(10), Digit(10)),
    rule("slack-token", "xoxa-", UrlSafe, Digit(10), Digit(10)),
    rule("slack-token", "xoxs-", UrlSafe, Digit(10), Digit(10)),
    rule("slack-token", "xapp-", UrlSafe, Digit(10), Digit(10)),
];
const GOOGLE: [Rule; 1] = [rule("google-api-key", "AIza", UrlSafe, Long(35), Exactly(35))];
const CORTEX: [Rule; 1] = [rule("cortex-key", "ctx_", UrlSafe, Long(56), Exactly(56))];

#[cfg(test)]
pub(super) const ALL: [&[Rule]; 6] = [&AWS, &GITHUB, &SK, &SLACK, &GOOGLE, &CORTEX];

/// Returns the rules with a prefix that starts like the text, by its first two bytes.
pub(super) fn beginning(text: &[u8]) -> &'static [Rule] {
    match text {
        [b'A', b'K' | b'S', ..] => &AWS,
        [b'A', b'I', ..] => &GOOGLE,
        [b'c', b't', ..] => &CORTEX,
        [b'g', b'h' | b'i', ..] => &GITHUB,
        [b's' | b'r', b'k', ..] => &SK,
        [b'x', b'o' | b'a', ..] => &SLACK,
        _ => &[],
    }
}
