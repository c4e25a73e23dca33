use minijinja::Error;
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::python::wrong;

/// Longest tag, in tokens: an expression is compiled by recursion as deep as it has operators.
const TOKENS: usize = 4096;
/// What products of literals may come to, in bytes: they are multiplied out when the template is compiled, where no
/// budget watches.
const FOLDED: u64 = 16 << 20;

/// Refuses a source whose compilation would take more than its length suggests.
pub(super) fn check(source: &str, syntax: &SyntaxConfig) -> Result<(), Error> {
    let mut tag = Tag::default();
    let mut folded: u64 = 0;
    for token in tokenize(source, false, syntax.clone()) {
        let (token, span) = token?;
        match token {
            Token::VariableStart | Token::BlockStart => tag = Tag::default(),
            Token::VariableEnd | Token::BlockEnd => folded = folded.saturating_add(tag.folded()),
            token => tag.read(&token),
        }
        let line = span.start_line;
        if tag.tokens > TOKENS {
            return Err(wrong(format!(
                "a tag with more than {TOKENS} tokens is not supported (line {line})"
            )));
        }
        if folded > FOLDED {
            return Err(wrong(format!("a literal is multiplied too often (line {line})")));
        }
    }
    Ok(())
}

/// What is known of a tag so far.
#[derive(Default)]
struct Tag {
    tokens: usize,
    multiplies: bool,
    /// Product of the whole numbers, each counted as two at least: an upper bound of what they can be made to.
    product: u64,
    /// Bytes of strings and lists that could be repeated.
    repeated: u64,
}

impl Tag {
    fn read(&mut self, token: &Token) {
        const ITEM: u64 = 24;
        self.tokens += 1;
        match token {
            Token::Mul | Token::Pow => self.multiplies = true,
            Token::Int(value) => self.product = self.product.max(1).saturating_mul((*value).max(2)),
            Token::Int128(_) => self.product = u64::MAX,
            Token::Str(text) => self.repeated += text.len() as u64 + ITEM,
            Token::String(text) => self.repeated += text.len() as u64 + ITEM,
            Token::Comma | Token::BracketOpen | Token::ParenOpen => self.repeated += ITEM,
            _ => {}
        }
    }

    fn folded(&self) -> u64 {
        if self.multiplies { self.product.saturating_mul(self.repeated) } else { 0 }
    }
}
