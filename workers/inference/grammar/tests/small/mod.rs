//! A vocabulary of all bytes and one end token.

use cortex_grammar::{Compiler, Constraint, Limits, Mask, Rule, Vocabulary};

const END: u32 = 256;

pub(crate) fn vocabulary() -> Vocabulary {
    let mut tokens: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    tokens.push(Vec::new());
    Vocabulary { tokens, ends: vec![END], ..Vocabulary::default() }
}

pub(crate) fn compiler() -> Compiler {
    Compiler::new(vocabulary(), Limits::default()).expect("a sound vocabulary")
}

/// Accepts text byte by byte; returns how many bytes fit.
pub(crate) fn feed(constraint: &mut Constraint, text: &str) -> usize {
    let mut mask = Mask::new();
    for (at, byte) in text.bytes().enumerate() {
        constraint.mask(&mut mask).unwrap_or_else(|error| panic!("byte {at} of {text:?}: {error}"));
        if !mask.allows(byte.into()) || constraint.accept(byte.into()).is_err() {
            return at;
        }
    }
    text.len()
}

pub(crate) fn fits(rule: &Rule, text: &str) -> bool {
    let mut constraint = compiler().compile(rule).unwrap_or_else(|error| panic!("{rule:?}: {error}"));
    feed(&mut constraint, text) == text.len() && constraint.may_end().expect("a state")
}
