use std::sync::OnceLock;

use cortex_grammar::{Compiler, Limits, Mask, Rule, Vocabulary};

const END: u32 = 256;

/// Compiles a rule for a vocabulary of single bytes and writes the first that it allows, a few
/// times.
pub(crate) fn write(rule: &Rule) {
    static COMPILER: OnceLock<Compiler> = OnceLock::new();
    let Ok(mut constraint) = COMPILER.get_or_init(compiler).compile(rule) else { return };
    let mut mask = Mask::new();
    for _ in 0..8 {
        if constraint.is_stopped() || constraint.mask(&mut mask).is_err() {
            return;
        }
        let token = (0..=END).find(|&token| mask.allows(token)).expect("a token is allowed");
        if constraint.accept(token).is_err() {
            return;
        }
    }
}

fn compiler() -> Compiler {
    let tokens = (0..=255).map(|byte| vec![byte]).chain([Vec::new()]).collect();
    let vocabulary = Vocabulary { tokens, ends: vec![END], ..Vocabulary::default() };
    Compiler::new(vocabulary, Limits::default()).expect("a sound vocabulary")
}
