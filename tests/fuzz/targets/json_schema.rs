//! A JSON schema, and a few bytes of what it allows.
#![no_main]

#[path = "rule/mod.rs"]
mod rule;

use cortex_grammar::Rule;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(schema) = serde_json::from_slice(bytes) {
        rule::write(&Rule::JsonSchema(schema));
    }
});
