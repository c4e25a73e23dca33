//! Finds the messages in a Rust source.
//!
//! A message is the text of an `#[error(..)]`, what a constructor of an error is given, or any
//! other text of three words or more that is no log line, assertion, SQL statement or
//! documentation.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprCall, ExprMethodCall, ImplItemFn, ItemFn, ItemImpl, ItemMod, Lit, Macro};

/// Functions that create public errors. All their texts count, including short ones.
pub(crate) const CONSTRUCTORS: &[&str] =
    &["wrong", "missing", "must_be", "malformed", "invalid", "refused", "deny", "usage"];

/// Macros that talk to developers and operators, not to callers.
const SILENT_MACROS: &[&str] = &[
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "span",
    "panic",
    "unreachable",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "compile_error",
    "println",
    "print",
];

const SQL: &[&str] =
    &["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "PRAGMA", "ROLLBACK", "WITH"];

/// Returns the messages of a source in their order, each once.
pub(crate) fn messages(source: &str) -> Vec<String> {
    let mut found = Finder::default();
    found.visit_file(&syn::parse_file(source).expect("the source parses"));
    let mut seen = BTreeSet::new();
    found.messages.into_iter().filter(|message| seen.insert(message.clone())).collect()
}

/// Returns the names of [`CONSTRUCTORS`] that a source calls.
pub(crate) fn constructors_called(source: &str) -> Vec<String> {
    let mut found = Finder::default();
    found.visit_file(&syn::parse_file(source).expect("the source parses"));
    found.constructors
}

#[derive(Default)]
struct Finder {
    messages: Vec<String>,
    constructors: Vec<String>,
}

impl Finder {
    fn text(&mut self, text: &str) {
        let line = one_line(text);
        let words = line.split(' ').filter(|word| word.chars().any(char::is_alphabetic)).count();
        let sql = line.split(' ').next().is_some_and(|first| SQL.contains(&first));
        if words >= 3 && !sql {
            self.messages.push(line);
        }
    }

    /// Records all texts among the arguments of a constructor as one message.
    fn constructor<'a>(&mut self, name: String, arguments: impl Iterator<Item = &'a Expr>) {
        let mut given = Literals::default();
        arguments.for_each(|argument| given.visit_expr(argument));
        self.constructors.push(name);
        if !given.0.is_empty() {
            self.messages.push(given.0.join(" | "));
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        each_text(tokens, &mut |text| self.text(text));
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("error")
            && let syn::Meta::List(list) = &attribute.meta
        {
            each_text(list.tokens.clone(), &mut |text| self.messages.push(one_line(text)));
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if !is_test(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let name = match &*call.func {
            Expr::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        match name.filter(|name| CONSTRUCTORS.contains(&name.as_str())) {
            Some(name) => self.constructor(name, call.args.iter()),
            None => visit::visit_expr_call(self, call),
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let name = call.method.to_string();
        if name == "expect" {
            self.visit_expr(&call.receiver);
        } else if CONSTRUCTORS.contains(&name.as_str()) {
            self.visit_expr(&call.receiver);
            self.constructor(name, call.args.iter());
        } else {
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_macro(&mut self, of: &'ast Macro) {
        if !of.path.segments.last().is_some_and(|last| is_silent(&last.ident.to_string())) {
            self.tokens(of.tokens.clone());
        }
    }

    fn visit_lit(&mut self, literal: &'ast Lit) {
        if let Lit::Str(text) = literal {
            self.text(&text.value());
        }
    }
}

/// Collects all texts of an expression, including short ones.
#[derive(Default)]
struct Literals(Vec<String>);

impl<'ast> Visit<'ast> for Literals {
    fn visit_lit(&mut self, literal: &'ast Lit) {
        if let Lit::Str(text) = literal {
            self.0.push(one_line(&text.value()));
        }
    }

    fn visit_macro(&mut self, of: &'ast Macro) {
        each_text(of.tokens.clone(), &mut |text| self.0.push(one_line(text)));
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
    })
}

fn is_silent(name: &str) -> bool {
    SILENT_MACROS.contains(&name)
}

/// Visits tokens, except those of silent macros and of `expect` inside them.
fn each_text(tokens: TokenStream, found: &mut impl FnMut(&str)) {
    let mut before: Option<String> = None;
    let mut silent = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                if !std::mem::take(&mut silent) {
                    each_text(group.stream(), found);
                }
            }
            TokenTree::Ident(name) => {
                silent = name == "expect";
                before = Some(name.to_string());
                continue;
            }
            TokenTree::Punct(punct) => {
                silent = punct.as_char() == '!' && before.as_deref().is_some_and(is_silent);
            }
            TokenTree::Literal(literal) => {
                if let Lit::Str(text) = Lit::new(literal) {
                    found(&text.value());
                }
            }
        }
        before = None;
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_kind_of_message_is_found_and_the_rest_is_left_out() {
    let source = r#"
        //! Not these words here.
        #[derive(thiserror::Error)]
        enum Error {
            #[error("short")]
            Short,
            #[error("{0} is far too \
                     long")]
            Long(u8),
        }
        const DETAIL: &str = "the store is full";
        fn f() -> Result<(), Problem> {
            tracing::warn!("not this log line");
            let text = value.expect("not this invariant either");
            let list = vec![format!("a list of words"), unreachable!("not this one either")];
            run("SELECT this FROM that")?;
            Err(parse::wrong("temperature", format!("not {}", "2")))
        }
        #[cfg(test)]
        mod tests {
            fn g() { Problem::new("not in a test") }
        }
    "#;
    let expected =
        ["short", "{0} is far too long", "the store is full", "a list of words", "temperature | not {} | 2"];
    assert_eq!(messages(source), expected);
    assert_eq!(constructors_called(source), ["wrong"]);
}

#[test]
fn a_group_without_a_macro_is_not_silent() {
    let tokens: TokenStream = "( \"a\" ) [ \"b\" ]".parse().unwrap();
    assert!(
        matches!(tokens.clone().into_iter().next(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
    );
    let mut found = Vec::new();
    each_text(tokens, &mut |text| found.push(text.to_owned()));
    assert_eq!(found, ["a", "b"]);
}
