use minijinja::Error;
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::python::error;

/// How many tokens a tag may have: an expression is compiled recursively, one level per operator.
const MAX_TAG_TOKENS: usize = 4096;
/// How large products of literals may become, in bytes: they are evaluated when the template is
/// compiled, outside any budget.
const MAX_PRODUCT: u64 = 16 << 20;

/// Rejects a source whose compilation would take more than its length suggests.
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
        if tag.tokens > MAX_TAG_TOKENS {
            return Err(error(format!(
                "tags with more than {MAX_TAG_TOKENS} tokens are not supported (line {line})"
            )));
        }
        if folded > MAX_PRODUCT {
            return Err(error(format!("a literal is multiplied too many times (line {line})")));
        }
    }
    Ok(())
}

/// A tag as far as it has been read.
#[derive(Default)]
struct Tag {
    tokens: usize,
    multiplies: bool,
    /// The product of the integers, each counted as at least two: an upper bound of what they can
    /// produce.
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
