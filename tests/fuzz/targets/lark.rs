//! A regular expression if the first character is a slash, or else a Lark grammar.
#![no_main]

#[path = "rule/mod.rs"]
mod rule;

use cortex_grammar::Rule;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let rule = match text.strip_prefix('/') {
        Some(pattern) => Rule::Regex(pattern.to_owned()),
        None => Rule::Lark(text.to_owned()),
    };
    rule::write(&rule);
});
