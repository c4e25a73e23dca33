//! A single pass over a text. What a rule needs to know about the bytes ahead (the end of a token,
//! the next digit) is found once and kept until the pass gets there. A text with a million prefixes
//! therefore costs no more than others.

use super::rules::{self, Proof, Rule, Token, is_url_safe};
use crate::steps;

const PEM: &[u8] = b"-----BEGIN ";
/// The longest label of a PEM block that is checked.
const PEM_LABEL: usize = 40;

/// The shortest header and signature of a JSON web token.
const JWT_HEADER: usize = 10;
const JWT_SIGNATURE: usize = 16;

pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    /// The end of the current run of URL-safe characters.
    run: Lookahead,
    digit: Lookahead,
    upper: Lookahead,
    /// The end of a run, and whether a payload and a signature follow it.
    claims: (usize, bool),
}

impl<'a> Scan<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, run: Lookahead(0), digit: Lookahead(0), upper: Lookahead(0), claims: (0, false) }
    }

    /// Returns the kind of the first credential.
    pub(super) fn first(mut self) -> Option<&'static str> {
        steps::count(self.bytes.len());
        (0..self.bytes.len()).find_map(|at| self.kind_at(at))
    }

    fn kind_at(&mut self, at: usize) -> Option<&'static str> {
        let rest = &self.bytes[at..];
        match rest {
            [b'-', b'-', ..] => is_private_key(rest).then_some("private-key"),
            [b'e', b'y', b'J', ..] => self.is_jwt(at).then_some("jwt"),
            _ => rules::beginning(rest).iter().find(|rule| self.matches(rule, at)).map(|rule| rule.kind),
        }
    }

    fn matches(&mut self, rule: &Rule, at: usize) -> bool {
        steps::count(rule.prefix.len());
        if !self.bytes[at..].starts_with(rule.prefix.as_bytes()) {
            return false;
        }
        let from = at + rule.prefix.len();
        match if self.begins_word(at) { rule.alone } else { rule.glued } {
            Proof::Never => false,
            Proof::Long(least) => self.length(rule.token, at, from, least) == least,
            Proof::Digit(least) => {
                self.length(rule.token, at, from, least) == least && self.has_digit(at, from + least)
            }
            Proof::Exactly(length) => {
                self.length(rule.token, at, from, length + 1) == length && self.has_digit(at, from + length)
            }
            // Every such token is URL-safe.
            Proof::Mixed(least) => {
                let end = self.run.first(self.bytes, at, |b| !is_url_safe(b));
                end - from >= least
                    && self.has_digit(at, end)
                    && self.upper.first(self.bytes, at, |b| b.is_ascii_uppercase()) < end
            }
        }
    }

    /// Returns the number of characters of a token, up to a maximum.
    fn length(&mut self, token: Token, at: usize, from: usize, most: usize) -> usize {
        if let Token::UrlSafe = token {
            return (self.run.first(self.bytes, at, |b| !is_url_safe(b)) - from).min(most);
        }
        let length = self.bytes[from..].iter().take(most).take_while(|b| token.holds(**b)).count();
        steps::count(length);
        length
    }

    /// Returns whether a digit precedes `end`. No prefix of a rule that asks for one has a digit.
    fn has_digit(&mut self, at: usize, end: usize) -> bool {
        self.digit.first(self.bytes, at, |b| b.is_ascii_digit()) < end
    }

    fn begins_word(&self, at: usize) -> bool {
        self.bytes[..at].last().is_none_or(|before| !before.is_ascii_alphanumeric())
    }

    /// Returns whether a JSON web token starts here: a header and a payload that are JSON objects
    /// in base64url, and a signature.
    fn is_jwt(&mut self, at: usize) -> bool {
        let header = self.run.first(self.bytes, at, |b| !is_url_safe(b));
        if header - at < JWT_HEADER {
            return false;
        }
        if self.claims.0 != header {
            self.claims = (header, are_claims(&self.bytes[header..]));
        }
        self.claims.1
    }
}

/// The position of the next byte of a kind. Callers ask with increasing positions, so a found
/// position stays valid until then, and all searches together cost one pass.
struct Lookahead(usize);

impl Lookahead {
    fn first(&mut self, bytes: &[u8], from: usize, sort: impl Fn(u8) -> bool) -> usize {
        if self.0 < from || !bytes.get(self.0).is_none_or(|b| sort(*b)) {
            let passed = bytes[from..].iter().take_while(|b| !sort(**b)).count();
            steps::count(passed);
            self.0 = from + passed;
        }
        self.0
    }
}

/// Returns whether a text continues with a payload and a signature: `.eyJ....sig`.
fn are_claims(text: &[u8]) -> bool {
    let Some(payload) = text.strip_prefix(b".").filter(|text| text.starts_with(b"eyJ")) else { return false };
    let length = payload.iter().take_while(|b| is_url_safe(**b)).count();
    steps::count(length + JWT_SIGNATURE);
    let signature = payload[length..].strip_prefix(b".");
    let signed = |text: &[u8]| text.iter().take(JWT_SIGNATURE).take_while(|b| is_url_safe(**b)).count();
    signature.is_some_and(|text| signed(text) == JWT_SIGNATURE)
}

/// Returns whether a PEM block (RFC 7468) with a label that ends in `PRIVATE KEY` starts here.
fn is_private_key(text: &[u8]) -> bool {
    let Some(label) = text.strip_prefix(PEM) else { return false };
    let letter = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ';
    let length = label.iter().take(PEM_LABEL).take_while(|b| letter(b)).count();
    steps::count(length);
    let (label, rest) = label.split_at(length);
    (label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK")) && rest.starts_with(b"-----")
}
